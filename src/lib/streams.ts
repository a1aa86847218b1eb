/** Passes chunks on and says after each how many bytes are done, counted from `startByte`. */
export async function* reporting(
  chunks: AsyncIterable<Buffer>,
  startByte: number,
  report: (doneBytes: number) => void,
): AsyncGenerator<Buffer> {
  let doneBytes = startByte;
  for await (const chunk of chunks) {
    yield chunk;
    doneBytes += chunk.length;
    report(doneBytes);
  }
}
