import { get, type IncomingMessage } from 'node:http';

/** One message of a stream of server-sent events. */
export interface StreamMessage {
  readonly id: string | undefined;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: messages are looked into freely in tests
  readonly data: any;
}

export interface EventStream {
  readonly status: number;
  readonly messages: StreamMessage[];
  /** All that came, as it came. */
  text(): string;
  /** The messages of one kind. */
  of(event: string): StreamMessage[];
  /** Ends when the server has ended it. */
  readonly ended: Promise<void>;
  /** Reads no more, and keeps the connection. */
  stopReading(): void;
  resumeReading(): void;
  close(): void;
}

/** Listens to a stream of server-sent events, by the rules of the standard as far as they matter here. */
export async function openEventStream(
  url: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers, agent: false }, resolve).on('error', reject);
  });
  const messages: StreamMessage[] = [];
  const chunks: string[] = [];
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    chunks.push(chunk);
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const message = parse(block);
      if (message !== undefined) messages.push(message);
    }
  });
  const ended = new Promise<void>((resolve) => {
    response.on('close', resolve);
  });
  response.on('error', () => {});
  return {
    status: response.statusCode ?? 0,
    messages,
    text: () => chunks.join(''),
    of: (event) => messages.filter((message) => message.event === event),
    ended,
    stopReading: () => void response.pause(),
    resumeReading: () => void response.resume(),
    close: () => void response.destroy(),
  };
}

function parse(block: string): StreamMessage | undefined {
  const field = (name: string) =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const data = field('data');
  if (data === undefined) return undefined;
  return { id: field('id'), event: field('event') ?? 'message', data: JSON.parse(data) };
}
