import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { KnownError } from '../../domain/errors.ts';

/** Which addresses a download may come from. */
export interface DownloadHosts {
  /** Refuses an address that a download may not start at. @throws KnownError `DOWNLOAD_HOST_REFUSED` */
  checkStart(url: URL): void;
  /** Refuses an address that a redirect may not lead to. @throws KnownError `DOWNLOAD_HOST_REFUSED` */
  checkRedirect(url: URL): void;
  /** Resolves names for this address: public ones only, unless the settings name the address itself. */
  lookupFor(url: URL): LookupFunction | undefined;
}

/** Finds all addresses of a name. */
export type ResolveAll = (
  hostname: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Addresses that no public host has: loopback, private, link-local, shared, documentation, multicast, reserved. */
const notPublic = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  // Special purposes, among them IPv4 addresses written as IPv6 (Teredo, 6to4).
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv6');
}

/** All that is given out to hosts of the public internet. Loopback, local, mapped and translated ones lie outside. */
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

/** Whether an address, IPv4-mapped ones included, belongs to the public internet. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !notPublic.check(address, 'ipv4');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPublicAddress(mapped);
  return version === 6 && globalUnicast.check(address, 'ipv6') && !notPublic.check(address, 'ipv6');
}

/**
 * @param entries Host names (`zoom.us`), patterns (`*.zoom.us`) and exact origins (`http://127.0.0.1:9012`).
 * @param resolve By default the system's own.
 */
export function createDownloadHosts(entries: readonly string[], resolve: ResolveAll = lookup): DownloadHosts {
  const origins = new Set(
    entries.filter((entry) => entry.includes('://')).map((entry) => new URL(entry).origin),
  );
  const patterns = entries.filter((entry) => !entry.includes('://')).map((entry) => entry.toLowerCase());

  function isNamed(hostname: string): boolean {
    return patterns.some((pattern) =>
      pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern,
    );
  }

  function refuse(url: URL, why: string): never {
    throw new KnownError(`${url.origin} ${why}`, { code: 'DOWNLOAD_HOST_REFUSED' });
  }

  /** Public means https, the usual port, and no address that only this network knows. */
  function checkPublic(url: URL): void {
    if (url.protocol !== 'https:') refuse(url, 'is not https');
    if (url.port !== '') refuse(url, 'is not on the usual port of https');
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0 && !isPublicAddress(literal)) refuse(url, 'is not a public address');
  }

  return {
    checkStart(url) {
      if (origins.has(url.origin)) return;
      if (!isNamed(url.hostname.toLowerCase())) refuse(url, 'is not among ZOOM_DOWNLOAD_HOSTS');
      checkPublic(url);
    },
    checkRedirect(url) {
      if (!origins.has(url.origin)) checkPublic(url);
    },
    lookupFor(url) {
      return origins.has(url.origin) ? undefined : lookupPublic(resolve);
    },
  };
}

/** Resolves a name and fails if any of its addresses is not public, so that the connection goes where was checked. */
function lookupPublic(resolve: ResolveAll): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        done(error, '');
        return;
      }
      const first = addresses[0];
      if (first === undefined || addresses.some(({ address }) => !isPublicAddress(address))) {
        done(
          new KnownError(`${hostname} leads to an address that is not public`, {
            code: 'DOWNLOAD_HOST_REFUSED',
          }),
          '',
        );
        return;
      }
      if (options.all) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}
