/** One message of a stream of server-sent events. */
export interface StreamedEvent {
  readonly id: string | undefined;
  /** `undefined` where the message has an id and nothing else. */
  readonly event: string | undefined;
  readonly data: string;
}

/** Cuts a stream of server-sent events into its messages; comments are left out. */
export async function* parseEventStream(chunks: AsyncIterable<Buffer>): AsyncGenerator<StreamedEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) {
    text = (text + decoder.decode(chunk, { stream: true })).replaceAll('\r\n', '\n');
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const message = parseMessage(text.slice(0, end));
      text = text.slice(end + 2);
      if (message !== undefined) yield message;
    }
  }
}

function parseMessage(block: string): StreamedEvent | undefined {
  const fields = new Map<string, string[]>();
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    fields.set(name, [...(fields.get(name) ?? []), value]);
  }
  const id = fields.get('id')?.at(-1);
  const event = fields.get('event')?.at(-1);
  if (id === undefined && event === undefined) return undefined;
  return { id, event, data: (fields.get('data') ?? []).join('\n') };
}
