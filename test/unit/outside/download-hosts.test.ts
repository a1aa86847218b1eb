import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import {
  createDownloadHosts,
  isPublicAddress,
  type ResolveAll,
} from '../../../src/outside/web/download-hosts.ts';

const hosts = createDownloadHosts(['*.zoom.us', 'files.example.com', 'http://127.0.0.1:9012']);
const refusal = expect.objectContaining({ code: 'DOWNLOAD_HOST_REFUSED', retry: 'never' });

describe('a download may start at', () => {
  it.each([
    'https://us02web.zoom.us/rec/webhook_download/x',
    'https://a.b.c.zoom.us/',
    'https://US02WEB.ZOOM.US/',
    'https://us02web.zoom.us:443/',
    'https://files.example.com/x',
    'http://127.0.0.1:9012/x',
  ])('%s', (url) => {
    expect(() => hosts.checkStart(new URL(url))).not.toThrow();
  });
});

describe('a download may not start at', () => {
  it.each([
    ['a name that only ends alike', 'https://evil-zoom.us/'],
    ['a name that only ends alike, without a dash', 'https://notzoom.us/'],
    ['the name that a pattern is about, which is not below it', 'https://zoom.us/'],
    ['a name that begins alike', 'https://us02web.zoom.us.evil.com/'],
    ['a name whose dot is encoded', 'https://us02web.zoom.us%2eevil.com/'],
    ['a name below an exact one', 'https://x.files.example.com/'],
    ['another host behind userinfo', 'https://us02web.zoom.us@evil.com/'],
    ['another host behind userinfo with a backslash', 'https://evil.com\\@us02web.zoom.us/'],
    ['a name with a trailing dot', 'https://us02web.zoom.us./'],
    ['another port', 'https://us02web.zoom.us:8443/'],
    ['plain http', 'http://us02web.zoom.us/'],
    ['another scheme', 'ftp://us02web.zoom.us/'],
    ['a file', 'file:///etc/passwd'],
    ['data', 'data:text/plain,zoom.us'],
    ['another port of an exact origin', 'http://127.0.0.1:9013/'],
    ['another scheme of an exact origin', 'https://127.0.0.1:9012/'],
    ['another name of an exact origin', 'http://localhost:9012/'],
    ['a private address', 'https://10.0.0.1/'],
    ['the metadata address of clouds', 'https://169.254.169.254/latest/meta-data'],
  ])('%s', (_name, url) => {
    expect(() => hosts.checkStart(new URL(url))).toThrow(refusal);
  });

  it('a private address even where a pattern names it', () => {
    const careless = createDownloadHosts(['10.0.0.1', '*.0.0.1']);

    expect(() => careless.checkStart(new URL('https://10.0.0.1/'))).toThrow(refusal);
    expect(() => careless.checkStart(new URL('https://127.0.0.1/'))).toThrow(refusal);
  });

  it('anywhere, if nothing is listed', () => {
    expect(() => createDownloadHosts([]).checkStart(new URL('https://us02web.zoom.us/'))).toThrow(refusal);
  });
});

describe('a redirect may', () => {
  it.each(['https://ssrweb.zoom.us/x', 'https://d1.cloudfront.example/x', 'http://127.0.0.1:9012/x'])(
    'lead to %s',
    (url) => {
      expect(() => hosts.checkRedirect(new URL(url))).not.toThrow();
    },
  );

  it.each([
    'http://d1.cloudfront.example/x',
    'https://d1.cloudfront.example:8443/x',
    'https://127.0.0.1/',
    'http://127.0.0.1:9013/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[::7f00:1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[fd00::1]/',
    'https://192.168.1.1/',
    'ftp://d1.cloudfront.example/x',
  ])('not lead to %s', (url) => {
    expect(() => hosts.checkRedirect(new URL(url))).toThrow(refusal);
  });
});

describe('isPublicAddress', () => {
  it.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])(
    'says yes to %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    '0.0.0.0',
    '10.255.255.255',
    '100.64.0.1',
    '127.0.0.53',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.168.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:0:7f00:1',
    '64:ff9b::a00:1',
    '2001:0:7f00:1::',
    '2002:a00:1::',
    'fc00::1',
    'fdff::1',
    'fe80::1',
    'fe80::1%lo',
    'fec0::1',
    '3fff::1',
    '5f00::1',
    '100::1',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::1',
    '2001:20::1',
    '2001:db8::1',
    '192.88.99.1',
    'ff02::1',
    'localhost',
    '',
  ])('says no to %j', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('lookupFor', () => {
  const PUBLIC = { address: '8.8.8.8', family: 4 };
  const PRIVATE = { address: '10.0.0.1', family: 4 };

  /** What the connection is told when the name has these addresses. */
  function looked(addresses: LookupAddress[], all: boolean, error: Error | null = null) {
    const resolve: ResolveAll = (_hostname, _options, done) => done(error, addresses);
    const lookup = createDownloadHosts(['*.zoom.us'], resolve).lookupFor(new URL('https://x.zoom.us/'));
    return new Promise((answer) => lookup?.('x.zoom.us', { all }, (...told) => answer(told)));
  }

  it.each([
    ['a private address', [PRIVATE]],
    ['a private address behind a public one', [PUBLIC, PRIVATE]],
    ['this machine in IPv6', [PUBLIC, { address: '::1', family: 6 }]],
    ['a mapped private address', [{ address: '::ffff:10.0.0.1', family: 6 }]],
    ['no address at all', []],
  ])('refuses a name with %s', async (_name, addresses) => {
    expect(await looked(addresses, true)).toEqual([refusal, '']);
    expect(await looked(addresses, false)).toEqual([refusal, '']);
  });

  it('tells the connection the very addresses that were checked', async () => {
    const addresses = [PUBLIC, { address: '2606:4700::1111', family: 6 }];

    expect(await looked(addresses, true)).toEqual([null, addresses]);
    expect(await looked(addresses, false)).toEqual([null, '8.8.8.8', 4]);
  });

  it('passes on that a name is not known', async () => {
    const unknown = new Error('ENOTFOUND');

    expect(await looked([], true, unknown)).toEqual([unknown, '']);
  });

  it('asks the system, which knows this machine', async () => {
    const lookup = hosts.lookupFor(new URL('https://localhost/'));
    const error = await new Promise((answer) => lookup?.('localhost', { all: true }, answer));

    expect(error).toEqual(refusal);
  });

  it('leaves an exact origin to the system', () => {
    expect(hosts.lookupFor(new URL('http://127.0.0.1:9012/x'))).toBeUndefined();
  });
});
