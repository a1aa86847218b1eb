/**
 * What a person at a terminal is shown of what pm2-runtime writes, line by line: logs readable, and of pm2's own words only
 * those that tell of something wrong.
 *
 * @param readable Puts a line of a log into words.
 * @param isStopping Whether processes are to end.
 * @returns the line, or `undefined` for one that is left out
 */
export function forTerminal(line, { readable, isStopping }) {
  if (line.startsWith('{')) return readable(line);
  const [, said] = /^(?:\S+ )?PM2 (?:log|info): (.*)/.exec(line) ?? /^\[PM2\] (.*)/.exec(line) ?? [];
  if (said === undefined) return line;
  const isTrouble = /SIGKILL|could not|unstable/.test(said);
  const isUnexpected = !isStopping && /exited with code|will restart/.test(said);
  return isTrouble || isUnexpected ? line : undefined;
}

/** Lets each line that is written to a stream pass through `change`, which may leave it out; returns the stream's own `write`. */
export function changeLines(stream, change) {
  const write = stream.write.bind(stream);
  stream.write = (chunk, ...rest) => {
    if (typeof chunk !== 'string' || !chunk.endsWith('\n')) return write(chunk, ...rest);
    const lines = chunk
      .slice(0, -1)
      .split('\n')
      .map(change)
      .filter((line) => line !== undefined);
    const callback = rest.at(-1);
    if (lines.length > 0) return write(`${lines.join('\n')}\n`, ...rest);
    if (typeof callback === 'function') callback();
    return true;
  };
  return write;
}
