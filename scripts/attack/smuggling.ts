import { type Attack, type Outcome, onlyStatuses } from './attack.ts';
import { sendRaw } from './raw-request.ts';

const HIDDEN = 'POST /api/line/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n';
const HEAD = 'POST /zoom-upload HTTP/1.1\r\nHost: recordings.example.org\r\n';
const CHUNKED_END = '0\r\n\r\n';

/** Requests of which one side may see one and the other side two. */
const SMUGGLED: Readonly<Record<string, string>> = {
  'CL.TE': `${HEAD}Content-Length: ${CHUNKED_END.length + HIDDEN.length}\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED_END}${HIDDEN}`,
  'TE.CL': `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n${CHUNKED_END}`,
  'TE.TE, one of them odd': `${HEAD}Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n${CHUNKED_END}${HIDDEN}`,
  'TE twice': `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED_END}${HIDDEN}`,
  'TE with a tab': `${HEAD}Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n${CHUNKED_END}${HIDDEN}`,
  'TE with a space before the colon': `${HEAD}Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n${CHUNKED_END}${HIDDEN}`,
  'TE xchunked': `${HEAD}Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n${CHUNKED_END}${HIDDEN}`,
  'CL twice, different': `${HEAD}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  'CL twice, the same': `${HEAD}Content-Length: 0\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  'CL as a list': `${HEAD}Content-Length: 0, ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  'CL with a plus': `${HEAD}Content-Length: +0\r\n\r\n${HIDDEN}`,
  'CL below zero': `${HEAD}Content-Length: -1\r\n\r\n${HIDDEN}`,
  'CL in hex': `${HEAD}Content-Length: 0x0\r\n\r\n${HIDDEN}`,
  'bare line feeds': `POST /zoom-upload HTTP/1.1\nHost: x\nContent-Length: 0\n\n${HIDDEN}`,
  'bare carriage returns': `POST /zoom-upload HTTP/1.1\r\nHost: x\rContent-Length: 0\r\n\r\n${HIDDEN}`,
  'a folded header': `${HEAD}X-A: b\r\n Content-Length: 9\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  'a folded TE': `${HEAD}Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n${CHUNKED_END}${HIDDEN}`,
  'a NUL in a header': `${HEAD}X-A: a\0b\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  'chunk sizes that overflow': `${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${HIDDEN}`,
  'a chunk with line feeds only': `${HEAD}Transfer-Encoding: chunked\r\n\r\n0\n\n${HIDDEN}`,
  'a chunk extension': `${HEAD}Transfer-Encoding: chunked\r\n\r\n0;x=\ny\r\n\r\n${HIDDEN}`,
  pipelined: `${HEAD}Content-Length: 0\r\n\r\n${HIDDEN}${HIDDEN}`,
  'HTTP/0.9': 'GET /api/status\r\n',
  'HTTP/1.0': 'GET /api/status HTTP/1.0\r\n\r\n',
  'HTTP/2 spoken at once': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'two hosts': `POST /zoom-upload HTTP/1.1\r\nHost: recordings.example.org\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  'upgrade to h2c': `${HEAD}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  'upgrade to a websocket': `${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  CONNECT: 'CONNECT 127.0.0.1:9009 HTTP/1.1\r\nHost: 127.0.0.1:9009\r\n\r\n',
  TRACE: 'TRACE /zoom-upload HTTP/1.1\r\nHost: x\r\n\r\n',
  'an upload that hides a request': `POST /tusupload HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED_END}${HIDDEN}`,
  'an upload without a token and a request behind it': `PATCH /tusupload/00000000000000000000000000000000 HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  'a header that takes headers away': `${HEAD}Connection: close, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host\r\nContent-Length: 0\r\n\r\n`,
};

const REFUSALS = [400, 401, 403, 404, 405, 413, 415, 431, 501, 505];

async function tryOn(port: number, text: string): Promise<Outcome> {
  const answer = await sendRaw(port, text);
  const outcome = onlyStatuses(answer.statuses.length > 0 ? answer.statuses : [undefined], ...REFUSALS);
  const isQuiet = !answer.text.includes('"paused"') && !answer.text.includes('"counts"');
  return { happened: outcome.happened, isOk: outcome.isOk && isQuiet };
}

export const SMUGGLING_ATTACKS: readonly Attack[] = Object.entries(SMUGGLED).map(([name, text]) => ({
  name: `${name}, on nginx`,
  expected: 'refused, and nothing of what is hidden is answered',
  run: ({ house: { nginx } }) => tryOn(nginx.port, text),
}));

/** What the two servers themselves make of ambiguous lengths: here no proxy stands in front. */
export const DIRECT_SMUGGLING_ATTACKS: readonly Attack[] = (['pipelinePort', 'tusPort'] as const).map(
  (which) => ({
    name: `ambiguous lengths, directly on the ${which === 'tusPort' ? 'tus' : 'pipeline'} server`,
    expected: '400 or 401, or the connection closed',
    async run({ house }) {
      const statuses: (number | undefined)[] = [];
      for (const [name, text] of Object.entries(SMUGGLED)) {
        if (!/^(CL|TE|chunk|a chunk|a folded|bare|a NUL|two hosts)/.test(name)) continue;
        // From here a hidden request would be one of this machine, so it is one of somewhere else.
        const foreign = text.replaceAll('Host: localhost', 'Host: evil.example');
        const { statuses: seen } = await sendRaw(house[which], foreign, { quietMs: 200 });
        statuses.push(...(seen.length > 0 ? seen : [undefined]));
      }
      return onlyStatuses(statuses, 400, 401, 403, 404);
    },
  }),
);
