import { describe, expect, it } from 'vitest';
import { parseEventStream, type StreamedEvent } from '../../../src/cli/event-stream.ts';

const STREAM = `retry: 2000

: still here

id: 7
event: recording
data: {"title":"授業"}

event: progress
data: one
data: two

id: 8

`;
const MESSAGES: StreamedEvent[] = [
  { id: '7', event: 'recording', data: '{"title":"授業"}' },
  { id: undefined, event: 'progress', data: 'one\ntwo' },
  { id: '8', event: undefined, data: '' },
];

async function* pieces(text: string, bytes: number): AsyncGenerator<Buffer> {
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; at += bytes) yield all.subarray(at, at + bytes);
}

describe('a stream of server-sent events', () => {
  it.each([1, 2, 7, 1000])('is read whole in pieces of %i bytes', async (bytes) => {
    for (const text of [STREAM, STREAM.replaceAll('\n', '\r\n')]) {
      const heard: StreamedEvent[] = [];
      for await (const message of parseEventStream(pieces(text, bytes))) heard.push(message);

      expect(heard).toEqual(MESSAGES);
    }
  });
});
