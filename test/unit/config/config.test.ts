import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadConfig, secretsOf } from '../../../src/config/config.ts';
import { exampleEnvironment } from '../../../src/config/example.ts';
import { settings } from '../../../src/config/settings.ts';

const REQUIRED = {
  ZOOM_WEBHOOK_SECRET_TOKEN: 'zoom-secret',
  B2_KEY_ID: 'key-id',
  B2_APPLICATION_KEY: 'key',
  BUNNY_LIBRARY_ID: '4321',
  BUNNY_API_KEY: 'bunny-key',
  SITE_WEBHOOK_URL: 'https://academy.example/webhooks/sluice',
  SITE_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
};

function load(more: Record<string, string | undefined> = {}) {
  return loadConfig({ ...REQUIRED, ...more });
}

/** The lines of the refusal that name a variable, by that name. */
function problemsOf(env: Record<string, string | undefined>): Record<string, string> {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', retry: 'never' });
    const lines = (error as Error).message.matchAll(/^ {2}([A-Z0-9_]+): (.+)$/gm);
    return Object.fromEntries([...lines].map(([, name, problem]) => [name, problem]));
  }
  return {};
}

describe('loadConfig', () => {
  it('R33 needs nothing but secrets and addresses that it cannot know', () => {
    expect(Object.keys(problemsOf({})).sort()).toEqual(Object.keys(REQUIRED).sort());
    expect(new Set(Object.values(problemsOf({})))).toEqual(new Set(['is required']));
  });

  it('has a default for all else', () => {
    expect(load()).toMatchObject({
      dataDir: join(process.cwd(), 'data'),
      ledgerAddress: join(process.cwd(), 'data/ledger.db'),
      redis: { socketPath: join(process.cwd(), 'data/redis.sock') },
      pipeline: { host: '127.0.0.1', port: 9009, url: 'http://127.0.0.1:9009' },
      tus: { host: '127.0.0.1', port: 1080, maxBytes: 20 * 1024 ** 3 },
      zoom: {
        credentials: undefined,
        timestampToleranceS: 300,
        downloadHosts: ['*.zoom.us', '*.zoomgov.com'],
      },
      b2: { bucket: 'ace-academy-recordings', apiUrl: 'https://api.backblazeb2.com', partBytes: undefined },
      bunny: { tusUrl: 'https://video.bunnycdn.com/tusupload', cdnHost: undefined },
      line: { backoff: { attempts: 8, minMs: 30_000, maxMs: 3_600_000 } },
      transfer: { idleTimeoutMs: 60_000 },
    });
  });

  it('takes a folder as a store by an absolute path, and never the folder of its own data', () => {
    expect(load().folderStore).toBeUndefined();
    expect(load({ FOLDER_STORE: '/mnt/archive/' }).folderStore).toMatchObject({ path: '/mnt/archive' });
    const refused = (value: string) =>
      problemsOf({ ...REQUIRED, DATA_DIR: '/srv/sluice', FOLDER_STORE: value });
    expect(refused('archive')).toEqual({ FOLDER_STORE: 'must be an absolute path' });
    expect(refused('/srv/sluice/')).toEqual({
      FOLDER_STORE: expect.stringContaining('must not be DATA_DIR'),
    });
    expect(refused('/srv/sluice/archive')).toEqual({});
  });

  it('takes an announcement schedule of more than 24 hours for granted', () => {
    const totalMs = load().site.scheduleMs.reduce((sum, ms) => sum + ms, 0);

    expect(totalMs).toBeGreaterThan(24 * 3_600_000);
  });

  it('takes a variable that is set to nothing for one that is not set', () => {
    expect(load({ PIPELINE_PORT: '', TUS_PORT: '  ', ZOOM_ACCOUNT_ID: '', REDIS_URL: '' })).toEqual(load());
    expect(problemsOf({ ...REQUIRED, B2_KEY_ID: ' ' })).toEqual({ B2_KEY_ID: 'is required' });
  });

  it('says all that is wrong at once, each by its variable, and never the value', () => {
    const env = { ...REQUIRED, B2_KEY_ID: undefined, PIPELINE_PORT: '99999', SITE_WEBHOOK_SECRET: 'hunter2' };

    expect(Object.keys(problemsOf(env)).sort()).toEqual([
      'B2_KEY_ID',
      'PIPELINE_PORT',
      'SITE_WEBHOOK_SECRET',
    ]);
    expect(() => loadConfig(env)).not.toThrow(/hunter2/);
  });

  it.each([
    ['PIPELINE_PORT', 'nine'],
    ['PIPELINE_PORT', '0'],
    ['PIPELINE_PORT', '80.5'],
    ['PIPELINE_PORT', '65536'],
    ['PIPELINE_URL', 'localhost:9009'],
    ['PIPELINE_URL', 'ftp://localhost'],
    ['B2_API_URL', 'api.backblazeb2.com'],
    ['SITE_WEBHOOK_URL', 'javascript:alert(1)'],
    ['SITE_WEBHOOK_SECRET', 'whsec_short'],
    ['SITE_WEBHOOK_SECRET', 'whsec_not base64 but long enough to be it'],
    ['SITE_RETRY_SCHEDULE_S', '5,,300'],
    ['SITE_RETRY_SCHEDULE_S', '5;300'],
    ['LOG_LEVEL', 'loud'],
    ['RETRY_ATTEMPTS', '0'],
    ['RETRY_BACKOFF_MIN_S', '-1'],
    ['RECONCILE_EVERY_S', '9999999'],
    ['LEASE_MS', '10'],
    ['ARCHIVE_PART_BYTES', '4999999'],
    ['UPLOAD_MAX_BYTES', 'much'],
    ['UPLOAD_TOKEN_SECRET', 'x'.repeat(31)],
    ['UPLOAD_ALLOWED_ORIGINS', '*'],
    ['UPLOAD_ALLOWED_ORIGINS', 'academy.example'],
    ['UPLOAD_ALLOWED_ORIGINS', 'https://academy.example/'],
    ['UPLOAD_ALLOWED_ORIGINS', 'https://*.academy.example'],
    ['UPLOAD_ALLOWED_ORIGINS', 'null'],
    ['UPLOAD_ALLOWED_ORIGINS', 'file://, https://academy.example'],
    ['UPLOAD_ALLOWED_ORIGINS', 'capacitor://localhost/page'],
    ['UPLOAD_ALLOWED_ORIGINS', 'Ionic://localhost'],
    ['UPLOAD_TRUST_PROXY', 'perhaps'],
    ['UPLOAD_MAX_OPEN', '0'],
    ['BUNNY_LIBRARY_ID', '4321/videos'],
    ['REDIS_URL', 'localhost:6379'],
    ['DATABASE_URL', 'postgres://localhost'],
    ['DATABASE_URL', 'postgresql://localhost/'],
    ['DATABASE_URL', 'postgres:sluice'],
    ['DATABASE_URL', 'postgres://sluice:pass word@[/sluice'],
    ['DATABASE_URL', 'mysql://localhost/sluice'],
    ['ZOOM_DOWNLOAD_HOSTS', 'https://zoom.us/path'],
    ['ZOOM_DOWNLOAD_HOSTS', '*zoom.us'],
    ['ZOOM_DOWNLOAD_HOSTS', 'zoom.*'],
    ['ZOOM_DOWNLOAD_HOSTS', '*'],
    ['ZOOM_DOWNLOAD_HOSTS', 'http://[::1'],
    ['ZOOM_TIMESTAMP_TOLERANCE_S', 'Infinity'],
    ['ZOOM_COMPANIONS', 'transcript,slides'],
    ['ZOOM_DELAY', 'soon'],
    ['ZOOM_DELAY', '-5'],
    ['ZOOM_CAPTIONS_LANGUAGE', 'English'],
  ])('refuses %s=%s', (name, value) => {
    expect(Object.keys(problemsOf({ ...REQUIRED, [name]: value }))).toEqual([name]);
  });

  it.each(Object.keys(settings))('says in plain words what is wrong with %s', (name) => {
    const said = ['no such thing', '-1', '0', '0.5', '1e400', ',', '\u0000', 'x'.repeat(600)].flatMap(
      (value) => problemsOf({ ...REQUIRED, [name]: value })[name] ?? [],
    );

    for (const text of said) {
      expect(text).toMatch(/^[a-z]/);
      expect(text).not.toMatch(/invalid|expected|too (small|big)|received|undefined|NaN/i);
    }
  });

  it.each([
    ['LOCAL_TRUST', 'yes', 'must be on or off'],
    ['LOG_LEVEL', 'loud', 'must be trace, debug, info, warn, error, fatal or silent'],
    ['SITE_WEBHOOK_URL', 'academy.example/hook', 'must be an address that begins with https:// or http://'],
    ['RETRY_ATTEMPTS', '0', 'must be 1 or more'],
    ['RETRY_ATTEMPTS', '101', 'must be 100 or less'],
    ['SWEEP_EVERY_H', '0', 'must be more than 0'],
    ['UPLOAD_TRUST_PROXY', 'perhaps', 'must be on or off'],
    ['ALARM_MAIL_TO', ',', 'must not be empty'],
  ])('of %s=%s says that it %s', (name, value, text) => {
    expect(problemsOf({ ...REQUIRED, [name]: value })).toMatchObject({ [name]: text });
  });

  it('names what was meant by a name that is no setting, where the one that is meant is missing', () => {
    const { BUNNY_API_KEY: value, ...rest } = REQUIRED;

    expect(problemsOf({ ...rest, BUNNY_APIKEY: value, PATH: '/bin' })).toEqual({
      BUNNY_API_KEY: 'is required; did you mean it by BUNNY_APIKEY, which is no setting?',
    });
    expect(problemsOf({ ...rest, BUNNY_APIKEY: '' })).toEqual({ BUNNY_API_KEY: 'is required' });
  });

  it.each([
    ['something is missing', { B2_KEY_ID: '' }, 'The settings are not complete:'],
    ['something is wrong', { TUS_PORT: 'x' }, 'Some settings are wrong:'],
    ['both', { B2_KEY_ID: '', TUS_PORT: 'x' }, 'The settings are not complete, and some are wrong:'],
  ])('says above the list whether %s', (_what, more, headline) => {
    expect(() => load(more)).toThrow(new RegExp(`^${headline}\n`));
  });

  it.each([
    ['some of the OAuth settings', { ZOOM_ACCOUNT_ID: 'a' }, ['ZOOM_CLIENT_ID', 'ZOOM_CLIENT_SECRET']],
    ['a longest wait below the shortest', { RETRY_BACKOFF_MAX_S: '10' }, ['RETRY_BACKOFF_MAX_S']],
    ['uploads from elsewhere without a secret', { TUS_HOST: '0.0.0.0' }, ['UPLOAD_TOKEN_SECRET']],
    ['an old secret alone', { UPLOAD_TOKEN_SECRET_OLD: 'o'.repeat(32) }, ['UPLOAD_TOKEN_SECRET']],
    [
      'plain settings of an account beside a file of accounts',
      { ZOOM_ACCOUNTS_FILE: '/etc/accounts.yaml' },
      ['ZOOM_WEBHOOK_SECRET_TOKEN'],
    ],
    ['a folder too deep for a unix socket', { DATA_DIR: `/tmp/${'deep/'.repeat(30)}` }, ['DATA_DIR']],
  ])('refuses %s', (_name, more, names) => {
    expect(Object.keys(problemsOf({ ...REQUIRED, ...more }))).toEqual(names);
  });

  it.each<[string, Record<string, string>]>([
    ['others can reach the server', { PIPELINE_HOST: '0.0.0.0' }],
    ['others can reach the server by IPv6', { PIPELINE_HOST: '::' }],
    ['the server has a name', { PIPELINE_HOST: 'sluice.example.com' }],
    ['the address only looks like this machine', { PIPELINE_HOST: '127.0.0.1.example.com' }],
    ['this machine is not trusted', { LOCAL_TRUST: 'off' }],
  ])('wants an ADMIN_TOKEN where %s', (_name, more) => {
    expect(problemsOf({ ...REQUIRED, ...more })).toEqual({
      ADMIN_TOKEN: expect.stringContaining('required'),
    });
    expect(load({ ...more, ADMIN_TOKEN: 'x'.repeat(24) }).operators.adminToken).toBe('x'.repeat(24));
  });

  it.each(['localhost', '127.0.0.1', '127.0.0.53', '::1'])('wants none on %s', (host) => {
    expect(load({ PIPELINE_HOST: host }).operators).toEqual({ adminToken: undefined, isLocalTrusted: true });
  });

  it.each(['x'.repeat(23), `${'x'.repeat(24)} y`, '\u00e9'.repeat(24), 'x'.repeat(513)])(
    'refuses the ADMIN_TOKEN %j, and does not repeat it',
    (token) => {
      const problems = problemsOf({ ...REQUIRED, ADMIN_TOKEN: token });

      expect(problems).toEqual({ ADMIN_TOKEN: expect.stringContaining('openssl rand') });
      expect(JSON.stringify(problems)).not.toContain(token.slice(0, 20));
    },
  );

  it('knows which of its values are secrets', () => {
    const more = {
      ADMIN_TOKEN: 'x'.repeat(24),
      ZOOM_ACCOUNT_ID: 'a',
      ZOOM_CLIENT_ID: 'b',
      ZOOM_CLIENT_SECRET: 'client-secret',
      BUNNY_READ_ONLY_API_KEY: 'read-only',
      REDIS_URL: 'redis://:pass%20word@127.0.0.1:6379',
    };

    expect(secretsOf(load(more)).sort()).toEqual(
      [
        ...['key', 'bunny-key', 'zoom-secret', REQUIRED.SITE_WEBHOOK_SECRET],
        ...['x'.repeat(24), 'client-secret', 'read-only', 'pass%20word', 'pass word'],
      ].sort(),
    );
  });

  it('knows the password of a database, which may have no host, and no secret in the name of its user', () => {
    const found = (url: string) => secretsOf(load({ DATABASE_URL: url }));
    const usual = secretsOf(load());

    expect(found('postgres://sluice:p%40ss@db/sluice')).toEqual(expect.arrayContaining(['p%40ss', 'p@ss']));
    expect(found('postgres://sluice:hushhush@/sluice?host=/run')).toContain('hushhush');
    expect(found('postgres://sluice@db/sluice').sort()).toEqual(usual.sort());
  });

  it('knows the secrets in addresses, and those of the file of accounts', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-accounts-'));
    const file = join(folder, 'accounts.yaml');
    await writeFile(
      file,
      'accounts: [{ id: abc, webhook_secrets: [first-secret, second-secret], oauth: { client_id: c, client_secret: third-secret } }]',
    );
    const { ZOOM_WEBHOOK_SECRET_TOKEN: _, ...required } = REQUIRED;
    const secrets = secretsOf(
      loadConfig({
        ...required,
        ZOOM_ACCOUNTS_FILE: file,
        SITE_WEBHOOK_URL: 'https://hooks:site-password@academy.example/x',
        ALARM_WEBHOOK_URL: 'https://hooks.slack.example/services/T0/B0/XXXX',
        ALARM_MAIL_TO: 'a@example.org',
        ALARM_MAIL_FROM: 'b@example.org',
        SMTP_URL: 'smtp://a%40example.org:mail%2Fpass@mail.example.org:587',
        ADMIN_TOKEN: 'n'.repeat(24),
        ADMIN_TOKEN_OLD: 'o'.repeat(24),
        OTEL_EXPORTER_OTLP_ENDPOINT: 'https://token-of-traces@otel.example',
      }),
    );
    await rm(folder, { recursive: true });

    for (const secret of [
      ...['first-secret', 'second-secret', 'third-secret', 'site-password', 'services/T0/B0/XXXX'],
      ...['mail%2Fpass', 'mail/pass', 'n'.repeat(24), 'o'.repeat(24), 'token-of-traces'],
    ]) {
      expect(secrets).toContain(secret);
    }
  });

  it.each([
    ['smtp://u:p@mail.example.org', undefined, true],
    ['smtp://mail.example.org', undefined, false],
    ['smtp://u:p@localhost:25', undefined, false],
    ['smtp://mail.example.org', 'required', true],
    ['smtp://u:p@mail.example.org', 'if-offered', false],
  ])('asks for TLS of the mail server %s with SMTP_TLS %s: %s', (SMTP_URL, SMTP_TLS, expected) => {
    const mail = { ALARM_MAIL_TO: 'a@b.example', ALARM_MAIL_FROM: 'c@d.example', SMTP_URL };

    expect(load({ ...mail, ...(SMTP_TLS ? { SMTP_TLS } : {}) }).alarms.mail?.needsTls).toBe(expected);
  });

  it('publishes to a folder that has an address, and to none in which something else lies', () => {
    const folder = { FOLDER_PUBLISHER: '/srv/videos/', FOLDER_PUBLISHER_URL: 'https://videos.example/' };
    const published = { path: '/srv/videos', url: 'https://videos.example' };
    expect(load().folderPublisher).toBeUndefined();
    expect(load(folder).folderPublisher).toMatchObject(published);
    expect(problemsOf({ ...REQUIRED, FOLDER_PUBLISHER: 'videos' })).toMatchObject({
      FOLDER_PUBLISHER: 'must be an absolute path',
      FOLDER_PUBLISHER_URL: expect.stringContaining('required'),
    });
    for (const other of [
      { DATA_DIR: '/srv/videos' },
      { DATA_DIR: '/srv/videos/data' },
      { DATA_DIR: '/srv' },
      { FOLDER_STORE: '/srv/videos/archive' },
    ]) {
      expect(problemsOf({ ...REQUIRED, ...folder, ...other })).toEqual({
        FOLDER_PUBLISHER: expect.stringContaining('must lie apart'),
      });
    }
    expect(problemsOf({ ...REQUIRED, ...folder, DATA_DIR: '/srv/videos-data' })).toEqual({});
  });

  it('puts outputs into a folder in which nothing else lies, with an address or without', () => {
    expect(load().mediaOut).toBeUndefined();
    expect(load({ MEDIA_OUT: '/srv/media/' }).mediaOut).toMatchObject({
      kind: 'folder',
      path: '/srv/media',
      url: undefined,
    });
    const folder = { MEDIA_OUT: '/srv/media', MEDIA_OUT_URL: 'https://media.example/' };
    expect(load(folder).mediaOut).toMatchObject({ url: 'https://media.example' });
    expect(problemsOf({ ...REQUIRED, MEDIA_IN_URL: 'https://media.example' })).toEqual({
      MEDIA_IN: expect.stringContaining('required too'),
    });
    expect(problemsOf({ ...REQUIRED, MEDIA_OUT_URL: 'https://media.example' })).toEqual({
      MEDIA_OUT: expect.stringContaining('required too'),
    });
    for (const other of [{ DATA_DIR: '/srv/media/data' }, { FOLDER_STORE: '/srv' }]) {
      expect(problemsOf({ ...REQUIRED, ...folder, ...other })).toEqual({
        MEDIA_OUT: expect.stringContaining('must lie apart'),
      });
    }
    expect(problemsOf({ ...REQUIRED, MEDIA_OUT: 'media' })).toEqual({
      MEDIA_OUT: expect.stringContaining('must be an absolute path, or s3://bucket'),
    });
  });

  describe('of S3', () => {
    const keys = { S3_KEY_ID: 'id', S3_SECRET: 'hush' };

    it('knows a service by its host, and asks Amazon where no endpoint is named', () => {
      expect(load({ ...keys }).s3Store).toBeUndefined();
      expect(load({ ...keys, S3_BUCKET: 'academy', S3_REGION: 'eu-west-1' }).s3Store).toMatchObject({
        endpoint: 'https://s3.eu-west-1.amazonaws.com',
        region: 'eu-west-1',
        bucket: 'academy',
        profile: { title: 'Amazon S3' },
        addressing: 'path',
        isMade: false,
      });
      const b2 = { S3_ENDPOINT: 'https://s3.eu-central-003.backblazeb2.com/', S3_BUCKET: 'academy' };
      expect(load({ ...keys, ...b2 }).s3Store).toMatchObject({
        endpoint: 'https://s3.eu-central-003.backblazeb2.com',
        region: 'eu-central-003',
        profile: { title: 'Backblaze B2 (S3)' },
      });
      const own = { S3_ENDPOINT: 'http://127.0.0.1:9000', S3_BUCKET: 'academy', S3_PROFILE: 'minio' };
      expect(load({ ...keys, ...own }).s3Store).toMatchObject({ profile: { title: 'MinIO' } });
    });

    it('puts outputs into a bucket, or a folder of one', () => {
      expect(load({ ...keys, MEDIA_OUT: 's3://media' }).mediaOut).toMatchObject({
        kind: 's3',
        bucket: 'media',
        prefix: '',
      });
      const folder = { MEDIA_OUT: 's3://media/of/academy/', MEDIA_OUT_URL: 'https://cdn.example' };
      expect(load({ ...keys, ...folder }).mediaOut).toMatchObject({
        prefix: 'of/academy/',
        url: 'https://cdn.example',
      });
      for (const MEDIA_OUT of ['s3://', 's3://a', 's3://media/../x', 's3://media//x', 'https://media']) {
        expect(problemsOf({ ...REQUIRED, ...keys, MEDIA_OUT })).toHaveProperty('MEDIA_OUT');
      }
    });

    it('asks for both keys where it is used, and for the endpoint of all but Amazon', () => {
      expect(Object.keys(problemsOf({ ...REQUIRED, S3_BUCKET: 'academy' }))).toEqual([
        'S3_KEY_ID',
        'S3_SECRET',
      ]);
      expect(Object.keys(problemsOf({ ...REQUIRED, MEDIA_OUT: 's3://media', S3_KEY_ID: 'id' }))).toEqual([
        'S3_SECRET',
      ]);
      expect(Object.keys(problemsOf({ ...REQUIRED, ...keys, S3_PROFILE: 'r2' }))).toEqual(['S3_ENDPOINT']);
      expect(problemsOf({ ...REQUIRED, ...keys, S3_BUCKET: 'no bucket' })).toHaveProperty('S3_BUCKET');
    });

    it('keeps the secret', () => {
      expect(secretsOf(load({ ...keys, S3_BUCKET: 'academy' }))).toContain('hush');
      expect(secretsOf(load({ ...keys, MEDIA_OUT: 's3://media' }))).toContain('hush');
    });
  });

  it('takes folders for custom files, absolute ones only', () => {
    expect(load({ CUSTOM_ROOTS: '/srv/videos, /mnt/disk ,' }).customRoots).toEqual([
      '/srv/videos',
      '/mnt/disk',
    ]);
    expect(problemsOf({ ...REQUIRED, CUSTOM_ROOTS: '/srv,videos' })).toEqual({
      CUSTOM_ROOTS: 'each folder is an absolute path',
    });
  });

  it.each([
    'postgres://sluice:p%40ss@db.internal:5432/sluice?sslmode=verify-full',
    'postgresql://db.internal/sluice',
    'postgres://sluice:secret@/sluice?host=/run/postgresql',
    'postgres:///sluice',
  ])('takes %s as the address of the ledger', (url) => {
    expect(load({ DATABASE_URL: url }).ledgerAddress).toBe(url);
  });

  it('takes a deep folder where Redis is somewhere else', () => {
    const deep = { DATA_DIR: `/tmp/${'deep/'.repeat(30)}`, REDIS_URL: 'redis://127.0.0.1:6379' };

    expect(load(deep).redis).toEqual({ url: 'redis://127.0.0.1:6379' });
  });

  it.each([
    [{ DATABASE_URL: 'file:/var/lib/sluice.db' }, { ledgerAddress: '/var/lib/sluice.db' }],
    [{ DATABASE_URL: '/var/lib/sluice.db' }, { ledgerAddress: '/var/lib/sluice.db' }],
    [{ REDIS_URL: 'unix:///run/redis.sock' }, { redis: { socketPath: '/run/redis.sock' } }],
    [
      { UPLOAD_TOKEN_SECRET: 'n'.repeat(32), UPLOAD_TOKEN_SECRET_OLD: 'o'.repeat(32), TUS_HOST: '0.0.0.0' },
      { tus: { tokenSecrets: ['n'.repeat(32), 'o'.repeat(32)], host: '0.0.0.0' } },
    ],
    [
      { UPLOAD_ALLOWED_ORIGINS: 'https://academy.example, http://localhost:8080' },
      { tus: { allowedOrigins: ['https://academy.example', 'http://localhost:8080'] } },
    ],
    [
      {
        UPLOAD_ALLOWED_ORIGINS:
          'capacitor://localhost,tauri://localhost, chrome-extension://abcdefgh,app://-',
      },
      {
        tus: {
          allowedOrigins: [
            'capacitor://localhost',
            'tauri://localhost',
            'chrome-extension://abcdefgh',
            'app://-',
          ],
        },
      },
    ],
    [
      { UPLOAD_ALLOWED_ORIGINS: 'null', UPLOAD_TOKEN_SECRET: 's'.repeat(32) },
      { tus: { allowedOrigins: ['null'] } },
    ],
    [
      { PIPELINE_PORT: '9010' },
      { tus: { tokenSecrets: [], allowedOrigins: ['http://localhost:9010', 'http://127.0.0.1:9010'] } },
    ],
    [{ PIPELINE_HOST: '10.0.0.1', ADMIN_TOKEN: 'x'.repeat(24) }, { tus: { allowedOrigins: [] } }],
    [{ UPLOAD_TRUST_PROXY: 'on' }, { tus: { trustsProxy: true } }],
    [{ UPLOAD_TRUST_PROXY: 'true' }, { tus: { trustsProxy: true } }],
    [{ UPLOAD_TRUST_PROXY: 'off' }, { tus: { trustsProxy: false } }],
    [
      { PIPELINE_HOST: '0.0.0.0', ADMIN_TOKEN: 'x'.repeat(24) },
      { pipeline: { url: 'http://127.0.0.1:9009' } },
    ],
    [{ PIPELINE_HOST: '::1', PIPELINE_PORT: '80' }, { pipeline: { url: 'http://[::1]:80' } }],
    [{ B2_API_URL: 'http://127.0.0.1:9/' }, { b2: { apiUrl: 'http://127.0.0.1:9' } }],
    [{ ZOOM_VIEWS: 'All' }, { zoom: { defaults: { views: 'all' } } }],
    [
      { ZOOM_VIEWS: 'gallery_view, active_speaker' },
      { zoom: { defaults: { views: ['gallery_view', 'active_speaker'] } } },
    ],
    [{ ZOOM_COMPANIONS: 'none' }, { zoom: { defaults: { companions: [] } } }],
    [{ ZOOM_DELAY: '5m' }, { zoom: { defaults: { delayMs: 300_000 } } }],
    [{ RETRY_BACKOFF_MAX_S: '60' }, { zoom: { patienceMs: 240_000 } }],
    [{ ZOOM_WEBHOOK_SECRET_TOKEN_OLD: 'old' }, { zoom: { secretTokens: ['zoom-secret', 'old'] } }],
    [{ SITE_RETRY_SCHEDULE_S: '1, 2,3' }, { site: { scheduleMs: [1000, 2000, 3000] } }],
    [
      { ZOOM_DOWNLOAD_HOSTS: ' *.zoom.us, zoom.us ,http://127.0.0.1:9012,' },
      { zoom: { downloadHosts: ['*.zoom.us', 'zoom.us', 'http://127.0.0.1:9012'] } },
    ],
    [
      { ZOOM_ACCOUNT_ID: 'a', ZOOM_CLIENT_ID: 'b', ZOOM_CLIENT_SECRET: 'c' },
      { zoom: { credentials: { accountId: 'a', clientId: 'b', clientSecret: 'c' } } },
    ],
  ])('reads %j', (more, expected) => {
    expect(load(more)).toMatchObject(expected);
  });
});

describe('the example environment', () => {
  it('names every setting and nothing else', () => {
    const named = [...exampleEnvironment().matchAll(/^#?([A-Z0-9_]+)=/gm)].map(([, name]) => name);

    expect(named).toEqual(Object.keys(settings));
  });

  it('shows the defaults: with every line taken at its word the configuration is the same', () => {
    const everyLine = exampleEnvironment().replaceAll(/^#([A-Z0-9_]+=)/gm, '$1');

    expect(loadConfig({ ...parseEnv(everyLine), ...REQUIRED })).toEqual(load());
  });

  it('says of every setting what it means', () => {
    const meanings = [...exampleEnvironment().matchAll(/^# (.+)\n#?[A-Z0-9_]+=/gm)];

    expect(meanings).toHaveLength(Object.keys(settings).length);
  });
});
