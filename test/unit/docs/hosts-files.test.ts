import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/config.ts';

const read = (path: string) => readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
}

describe('deploy/compose.yml', () => {
  const compose = parse(read('deploy/compose.yml'), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
    readonly volumes: Readonly<Record<string, null>>;
  };
  const hosts = Object.entries(compose.services).filter(([, { environment }]) => environment?.['HOST_ID']);

  it('has hosts of different names, each with a folder of its own and an address that leads to it', () => {
    expect(hosts.map(([name]) => name)).toEqual(['media-1', 'media-2', 'media-3']);
    for (const [name, { environment, volumes }] of hosts) {
      expect(environment).toMatchObject({ HOST_ID: name, HOST_URL: `http://${name}:1080` });
      expect(volumes).toEqual([`${name}:/var/lib/sluice`]);
      expect(Object.keys(compose.volumes)).toContain(name);
    }
  });

  it.each(hosts)('gives %s settings that Sluice takes', (_name, { environment = {} }) => {
    const own = Object.fromEntries(
      Object.entries(environment).map(([key, value]) => [
        key,
        value.replace('$' + '{POSTGRES_PASSWORD:?set it}', 'secret'),
      ]),
    );
    const example = {
      ZOOM_WEBHOOK_SECRET_TOKEN: 'x',
      B2_KEY_ID: 'x',
      B2_APPLICATION_KEY: 'x',
      B2_BUCKET: 'x',
      BUNNY_LIBRARY_ID: '1',
      BUNNY_API_KEY: 'x',
      ADMIN_TOKEN: 'correct-horse-battery-staple-0123456789',
      UPLOAD_TOKEN_SECRET: 'a secret of the website, 32 bytes and more',
      SITE_WEBHOOK_URL: 'https://example.org/hook',
      SITE_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    };
    const config = loadConfig({ ...example, ...own });
    expect(config.ledgerAddress).toBe('postgres://sluice:secret@postgres:5432/sluice');
    expect(config.host.url).toBe(own['HOST_URL']);
  });

  it('is reached by a proxy that knows each of its hosts', () => {
    const proxy = read('deploy/nginx.conf');
    for (const [name] of hosts) {
      expect(proxy).toContain(`server ${name}:9009;`);
      expect(proxy).toContain(`server ${name}:1080;`);
    }
  });
});

it('the proxies that are shipped let the addresses of uploads of several hosts pass', () => {
  const upload = `/tusupload/${'0'.repeat(32)}-media-1`;
  for (const path of ['docs/proxy/nginx.conf', 'docs/proxy/nginx-hosts.conf', 'deploy/nginx.conf']) {
    const pattern = /if \(\$request_uri !~ "([^"]+)"\)/.exec(read(path))?.[1] ?? '';
    expect(upload, path).toMatch(new RegExp(pattern));
    expect('/api/status', path).not.toMatch(new RegExp(pattern));
  }
  const pattern = /acl is_upload path_reg (\S+)/.exec(read('docs/proxy/haproxy.cfg'))?.[1] ?? '';
  expect(upload).toMatch(new RegExp(pattern));
});
