import { createHmac } from 'node:crypto';
import { createUploadToken } from '../../src/lib/upload-token.ts';
import { type Attack, onlyStatuses } from './attack.ts';
import { UPLOAD_SECRET } from './house.ts';
import { send } from './request.ts';

const APPEND = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' };

function tus(authorization?: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    'tus-resumable': '1.0.0',
    ...(authorization === undefined ? {} : { authorization: `Bearer ${authorization}` }),
    ...more,
  };
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** A token of any header and claims, signed as it is told. */
function handmade(header: object, claims: object, secret = UPLOAD_SECRET, hash = 'sha256'): string {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
}

async function badTokens(): Promise<Record<string, string>> {
  const exp = Math.floor(Date.now() / 1000) + 600;
  const claims = { ace_id: 'victim', exp };
  return {
    expired: handmade({ alg: 'HS256' }, { ...claims, exp: exp - 6000 }),
    'alg none': `${part({ alg: 'none' })}.${part(claims)}.`,
    'alg None, signed': handmade({ alg: 'None' }, claims),
    HS512: handmade({ alg: 'HS512' }, claims, UPLOAD_SECRET, 'sha512'),
    'RS256 with the secret as its key': handmade({ alg: 'RS256' }, claims),
    'a key of its own': handmade({ alg: 'HS256', jwk: { kty: 'oct', k: 'AA' } }, claims, '\0'),
    'a key file': handmade({ alg: 'HS256', kid: '/dev/null' }, claims, ''),
    crit: handmade({ alg: 'HS256', crit: ['x'], x: 1 }, claims),
    'another secret': await createUploadToken({ secret: 'x'.repeat(40), aceId: 'victim', expiresInS: 600 }),
    'no exp': handmade({ alg: 'HS256' }, { ace_id: 'victim' }),
    'no ace_id': handmade({ alg: 'HS256' }, { exp }),
    'not yet valid': handmade({ alg: 'HS256' }, { ...claims, nbf: exp }),
    nonsense: 'a.b.c',
    long: 'x'.repeat(6000),
  };
}

export const UPLOAD_ATTACKS: readonly Attack[] = [
  {
    name: 'begin an upload with tokens that are expired, unsigned, signed otherwise, incomplete',
    expected: '401',
    async run({ house: { nginx } }) {
      const headers = { 'upload-length': '5' };
      const answers = [await send(nginx.port, 'POST', '/tusupload', { headers: tus(undefined, headers) })];
      for (const token of Object.values(await badTokens())) {
        answers.push(await send(nginx.port, 'POST', '/tusupload', { headers: tus(token, headers) }));
      }
      return onlyStatuses(
        answers.map(({ status }) => status),
        401,
      );
    },
  },
  {
    name: "HEAD, PATCH and DELETE on another's upload, with those tokens and with a right one of another recording",
    expected: '401, and 404 for the other tutor',
    async run({ house: { nginx, token }, victim }) {
      const foreign = await token('somebody else');
      const statuses: (number | undefined)[] = [];
      for (const shown of [undefined, foreign, ...Object.values(await badTokens())]) {
        for (const [method, body] of [['HEAD'], ['DELETE'], ['PATCH', 'evil']] as const) {
          const headers = tus(shown, method === 'PATCH' ? APPEND : {});
          const { status } = await send(nginx.port, method, victim, { headers, ...(body ? { body } : {}) });
          if (shown === foreign && status !== 404)
            return { happened: `the other tutor: ${status}`, isOk: false };
          statuses.push(status);
        }
        const headers = { ...tus(shown, APPEND), 'x-http-method-override': 'DELETE' };
        statuses.push((await send(nginx.port, 'POST', victim, { headers })).status);
      }
      return onlyStatuses(statuses, 401, 404);
    },
  },
  {
    name: 'download an upload, list uploads, upload beside the folder',
    expected: '400, 401, 404 or 405',
    async run({ house: { nginx, tusPort, token }, victim }) {
      const headers = tus(await token('somebody else'));
      const statuses = [];
      for (const port of [nginx.port, tusPort]) {
        for (const path of [
          victim,
          '/tusupload',
          '/tusupload/',
          `${victim}.json`,
          '/tusupload/..%2f..%2fledger.db',
          '/tusupload/../ledger.db',
        ]) {
          for (const method of ['GET', 'PATCH', 'DELETE']) {
            const more = method === 'PATCH' ? APPEND : {};
            statuses.push((await send(port, method, path, { headers: { ...headers, ...more } })).status);
          }
        }
      }
      return onlyStatuses(statuses, 400, 401, 404, 405);
    },
  },
  {
    name: 'metadata bombs: long, many, twice, not base64, of control characters, of another recording',
    expected: '400, 403, 413 or 431',
    async run({ house: { nginx, token } }) {
      const base64 = (text: string) => Buffer.from(text).toString('base64');
      const bombs = [
        `title ${base64('x'.repeat(11_000))}`,
        Array.from({ length: 2000 }, (_, n) => `k${n} YQ==`).join(','),
        `ace_id ${base64('victim')}`,
        'ace_id !!!',
        `ace_id ${base64('a')},ace_id ${base64('b')}`,
        `ace_id ${base64('\0\n')}`,
        ',,,,',
        `title ${base64('x'.repeat(40_000))}`,
      ];
      const authorization = await token('bomber');
      const statuses = [];
      for (const metadata of bombs) {
        const headers = tus(authorization, { 'upload-length': '5', 'upload-metadata': metadata });
        statuses.push((await send(nginx.port, 'POST', '/tusupload', { headers })).status);
      }
      return onlyStatuses(statuses, 400, 403, 413, 431);
    },
  },
  {
    name: 'sizes that are no sizes, more than is allowed, and something else than a recording',
    expected: '400, 413 or 415',
    async run({ house: { nginx, token } }) {
      const small = await token('bounded', { maxBytes: 100 });
      const statuses = [];
      for (const size of ['-1', '1e9', 'NaN', '101', '999999999999999999999', '9007199254740993', '']) {
        statuses.push(
          (await send(nginx.port, 'POST', '/tusupload', { headers: tus(small, { 'upload-length': size }) }))
            .status,
        );
      }
      const html = '<!doctype html><script>alert(1)</script>'.padEnd(100, ' ');
      const headers = tus(small, { 'upload-length': '100', 'content-type': APPEND['content-type'] });
      statuses.push((await send(nginx.port, 'POST', '/tusupload', { headers, body: html })).status);
      return onlyStatuses(statuses, 400, 413, 415);
    },
  },
];
