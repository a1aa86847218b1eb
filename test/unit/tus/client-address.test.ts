import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientAddress } from '../../../src/tus/client-address.ts';

function from(remoteAddress: string | undefined, forwarded?: string): IncomingMessage {
  // Only what is looked at.
  return {
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  } as unknown as IncomingMessage;
}

describe('clientAddress', () => {
  it.each([
    ['the address of who comes directly', '198.51.100.7', undefined, true, '198.51.100.7'],
    ['that one, whatever the header claims', '198.51.100.7', '203.0.113.1', true, '198.51.100.7'],
    ['an IPv4 address in IPv6 clothes', '::ffff:198.51.100.7', undefined, true, '198.51.100.7'],
    ['the network of an IPv6 address', '2001:db8:0:1:a:b:c:d', undefined, true, '2001:db8:0:1::/64'],
    ['the same for its neighbour', '2001:db8::1:1:2:3:4', undefined, true, '2001:db8:0:1::/64'],
    ['the network of a link', 'fe80::1%eth0', undefined, true, 'fe80:0:0:0::/64'],
    ['what the proxy of this machine says', '127.0.0.1', '203.0.113.1', true, '203.0.113.1'],
    ['the last that it says', '::1', '10.1.1.1, 203.0.113.1', true, '203.0.113.1'],
    ['it without a port', '::1', '203.0.113.1:5555', true, '203.0.113.1'],
    ['an IPv6 address in brackets', '::1', '[2001:db8::7]:5555', true, '2001:db8:0:0::/64'],
    ['nobody where the proxy is not trusted', '127.0.0.1', '203.0.113.1', false, undefined],
    ['nobody for a caller on this machine', '127.0.0.1', undefined, true, undefined],
    ['nobody where the proxy says what is no address', '127.0.0.1', 'unknown', true, undefined],
    ['nobody without an address', undefined, '203.0.113.1', true, undefined],
  ] as const)('tells %s', (_name, remote, forwarded, trustsProxy, expected) => {
    expect(clientAddress(from(remote, forwarded), trustsProxy)).toBe(expected);
  });

  it('never throws, whatever the header holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.,[]% x\u0000\u00e4') }), (text) => {
        clientAddress(from('::1', text), true);
      }),
      { numRuns: 2000 },
    );
  });
});
