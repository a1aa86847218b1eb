import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { exampleEnvironment } from '../../../src/config/example.ts';
import { settingWarnings } from '../../../src/config/setting-warnings.ts';

/** What is said of a `.env`, in an environment with nothing else in it. */
const warningsOf = (envFile: string, outside: Record<string, string> = {}) =>
  settingWarnings({ ...parseEnv(envFile), ...outside }, envFile);

describe('what is odd about settings', () => {
  it('is nothing in the example that is shipped, nor where there is no file', () => {
    expect(warningsOf(exampleEnvironment())).toEqual([]);
    expect(settingWarnings({ PATH: '/bin', PIPELINE_PORT: '9010' }, undefined)).toEqual([]);
  });

  it.each([
    ['ALARM_WEBHOKK_URL', 'ALARM_WEBHOOK_URL'],
    ['RETRY_ATEMPTS', 'RETRY_ATTEMPTS'],
    ['PIEPLINE_PORT', 'PIPELINE_PORT'],
    ['pipeline_port', 'PIPELINE_PORT'],
    ['PUBLICURL', 'PUBLIC_URL'],
    ['B2_APPLICATION_KEY_ID', 'B2_APPLICATION_KEY'],
  ])('is %s: did you mean %s?', (name, meant) => {
    expect(warningsOf(`${name}=hunter2\n`)).toEqual([
      `${name} is no setting of Sluice: did you mean ${meant}?`,
    ]);
  });

  it('is a name in the file that begins as ours do and is none', () => {
    expect(warningsOf('BUNNY_FAVOURITE_COLOUR=blue')).toEqual([
      'BUNNY_FAVOURITE_COLOUR is no setting of Sluice: nobody reads it',
    ]);
  });

  it.each(['NODE_ENV', 'PATH', 'TZ', 'LANG', 'PM2_HOME', 'OTEL_EXPORTER_OTLP_HEADERS', 'NODE_OPTIONS', 'CI'])(
    'is not %s, which is for others',
    (name) => {
      expect(warningsOf(`${name}=x`)).toEqual([]);
      expect(warningsOf('', { [name]: 'x' })).toEqual([]);
    },
  );

  it('is of the environment around it only what is nearly one of ours', () => {
    expect(warningsOf('', { REDIS_SERVICE_HOST: 'x', ZOOM_SDK: 'x', RETRY_ATEMPTS: '3' })).toEqual([
      expect.stringContaining('RETRY_ATTEMPTS'),
    ]);
  });

  it.each([
    [
      'a line without =',
      'LOG_LEVEL\nPIPELINE_PORT=9010',
      // Older versions of Node join it with the next line, which is lost then.
      'PIPELINE_PORT' in parseEnv('LOG_LEVEL\nPIPELINE_PORT=9010')
        ? /line 1 .*no "=": it is no setting/
        : /line 1 .*no "=": PIPELINE_PORT below it is lost/,
    ],
    ['a name that is none', '2FAST=x', /line 1 .*does not begin with the name/],
    [
      'a name that is there twice',
      'TUS_PORT=1\n#\nTUS_PORT=2',
      /TUS_PORT is set twice in .env \(lines 1 and 3\)/,
    ],
    ['a # in a value', 'ADMIN_TOKEN=abc#def', /ADMIN_TOKEN \(line 1 of .env\): from # on/],
    ['a quote that is open', 'LOG_LEVEL="info', /LOG_LEVEL .*not closed/],
    ['a quote that is closed late', 'LOG_LEVEL="info\nTUS_PORT=1\nX=""', /closed only in line 3/],
    ['more behind a quote', 'LOG_LEVEL="info"x', /behind its closing quote/],
    ['typographic quotes', 'LOG_LEVEL=“info”', /typographic/],
    ['quotes in quotes', `LOG_LEVEL='"info"'`, /quote that is part of its value/],
    ['a blank that nobody sees', 'B2_KEY_ID=abc\u200b', /B2_KEY_ID holds an invisible/],
    ['a blank in a key', 'B2_APPLICATION_KEY=K00 1abc', /B2_APPLICATION_KEY has a blank/],
  ])('is %s', (_what, envFile, expected) => {
    const warnings = warningsOf(envFile);

    expect(warnings.filter((text) => expected.test(text))).toHaveLength(1);
    expect(warnings.join()).not.toMatch(/abc|def/);
  });

  it.each([
    'B2_KEY_ID="a b # c"',
    "SMTP_URL='smtp://u:p#x@h' # mail",
    'LOG_LEVEL=info # quiet',
    'export TUS_PORT=1080',
  ])('is not %s', (line) => {
    expect(warningsOf(line).filter((text) => !text.includes('blank'))).toEqual([]);
  });

  it('is not what is appended to the example as it is shipped', () => {
    const lines = 'B2_KEY_ID=key-id\nB2_BUCKET=my-bucket\nTUS_PORT=1081\n';

    expect(warningsOf(exampleEnvironment() + lines)).toEqual([]);
    expect(warningsOf(`B2_KEY_ID= # none yet\nB2_BUCKET=one\n${lines}`)).toEqual([
      expect.stringMatching(/^B2_BUCKET is set twice/),
    ]);
  });

  it('is a setting that the environment decides otherwise', () => {
    expect(warningsOf('TUS_PORT=1080', { TUS_PORT: '1081' })).toEqual([
      expect.stringContaining('TUS_PORT is set in the environment too'),
    ]);
  });
});
