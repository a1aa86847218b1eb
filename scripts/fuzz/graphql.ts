import fc from 'fast-check';
import { ERROR_CATALOGUE } from '../../src/domain/error-catalogue.ts';
import { hostileJson, hostileText } from './hostile.ts';
import type { Fuzz } from './properties.ts';
import { type FuzzWorld, type Reply, requireDecent } from './world.ts';

/** All that is documented, with variables for whatever can be said. */
const OPERATIONS = [
  'query ($a: String, $b: String, $n: Int) { assets(status: $a, search: $b, first: $n) { id filename jobs { id status } } }',
  'query ($a: String, $b: String, $n: Int, $c: String) { assetsPage(status: $a, search: $b, first: $n, after: $c) { nodes { id } pageInfo { endCursor } } }',
  'query ($a: String, $b: String, $n: Int) { jobs(status: $a, search: $b, first: $n) { id status progress } }',
  'query ($a: ID!) { asset(id: $a) { id } job(id: $a) { id } preset(id: $a) { id } }',
  '{ presets { id name } systemStatus { status version } }',
  'mutation ($a: ID!, $b: ID!) { createJob(input: { sourceAssetId: $a, presetId: $b }) { id } }',
  'mutation ($a: ID!, $m: Moment, $o: Moment) { createTrimJob(input: { sourceAssetId: $a, start: $m, end: $o }) { id } }',
  'mutation ($a: ID!) { cancelJob(id: $a) { id } }',
  'mutation ($a: ID!) { retryJob(id: $a) { id } }',
  'mutation ($a: ID!, $b: String!) { updateAsset(id: $a, comments: $b) { id } }',
  'mutation ($a: ID!) { deleteAsset(id: $a) { ok } }',
  'mutation ($p: PresetInput!) { createPreset(input: $p) { id } }',
  'mutation ($a: ID!, $p: PresetChange!) { updatePreset(id: $a, input: $p) { id } }',
  'mutation ($a: ID!) { deletePreset(id: $a) { ok } }',
] as const;

const WORDS = [
  ...[
    'query',
    'mutation',
    'subscription',
    'fragment',
    'on',
    '{',
    '}',
    '(',
    ')',
    ':',
    '$',
    '!',
    '[',
    ']',
    '...',
  ],
  ...['assets', 'jobs', 'id', 'filename', 'createJob', 'input', '__schema', '__type', '__typename', 'Asset'],
  ...['@skip', '@include', 'if', 'true', 'null', '1', '-1', '1e400', '"', '"""', '\\u0000', '#', '\n', '😀'],
] as const;

const badQuery = fc.oneof(
  hostileText,
  fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }).map((words) => words.join(' ')),
  fc
    .tuple(fc.constantFrom(...OPERATIONS), fc.nat(), hostileText)
    .map(
      ([query, at, text]) => `${query.slice(0, at % query.length)}${text}${query.slice(at % query.length)}`,
    ),
);

const preset = fc.record(
  {
    name: hostileText,
    description: hostileText,
    task: fc.oneof(hostileText, fc.constantFrom('transcode', 'trim', 'thumbnail')),
    container: fc.oneof(hostileText, fc.constantFrom('mp4', 'webm')),
    videoCodec: fc.oneof(hostileText, fc.constantFrom('h264', 'vp9', 'none')),
    quality: fc.oneof(hostileText, fc.constantFrom('small', 'good')),
    shortSide: fc.integer(),
    params: hostileJson,
  },
  { requiredKeys: ['name'] },
);

const variables = fc.record(
  {
    a: fc.oneof(hostileText, hostileJson),
    b: fc.oneof(hostileText, hostileJson),
    c: fc.oneof(hostileText, hostileJson),
    n: fc.oneof(fc.integer(), hostileJson),
    m: fc.oneof(hostileText, hostileJson, fc.constantFrom('1', '50%', '00:00:01')),
    o: fc.oneof(hostileText, hostileJson),
    p: fc.oneof(preset, hostileJson),
  },
  { requiredKeys: [] },
);

/** Asks by POST, and looks whether the answer is one that programs and people can read. */
async function ask(world: FuzzWorld, body: unknown, more: object = {}): Promise<Reply> {
  const before = world.ledgerVersion();
  const reply = await world.ask({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(body),
    ...more,
  });
  const refused = requireReadable(reply);
  if (refused && world.ledgerVersion() !== before) throw new Error('refused, and the ledger has changed');
  return reply;
}

/** Whether it is a refusal, of all that was asked. @throws Error where nobody could read it */
function requireReadable(reply: Reply): boolean {
  const { status, type, text } = reply;
  if (!type.startsWith('application/json') && !type.startsWith('application/graphql-response+json')) {
    requireDecent(reply);
    if (status < 400) throw new Error(`${status} of the type ${type}`);
    return true;
  }
  const { data, errors = [] } = JSON.parse(text);
  if (data === undefined && errors.length === 0) throw new Error(`${status} with neither data nor errors`);
  for (const { message, extensions } of errors) {
    const isKnown =
      Object.hasOwn(ERROR_CATALOGUE, extensions?.code ?? '') && extensions.code !== 'UNEXPECTED';
    if (!isKnown || !message || !extensions.advice) throw new Error(`an odd error: ${text.slice(0, 500)}`);
  }
  return errors.length > 0 && (data === undefined || data === null);
}

const nested = (depth: number, width: number) => {
  const aliases = Array.from({ length: width }, (_, at) => `a${at}: assets { id jobs { id asset `);
  const inner = `${'{ jobs { asset '.repeat(depth)}{ id }${' } }'.repeat(depth)}`;
  return `{ ${aliases.map((alias) => `${alias}${inner} } }`).join(' ')} }`;
};

export const GRAPHQL_FUZZES: readonly Fuzz[] = [
  {
    name: 'GraphQL: what is asked with odd values is answered, or refused in words',
    share: 8,
    property: (world) =>
      fc.asyncProperty(fc.constantFrom(...OPERATIONS), variables, async (query, values) => {
        await ask(world, { query, variables: values });
      }),
  },
  {
    name: 'GraphQL: what is no question is refused in words',
    share: 6,
    property: (world) =>
      fc.asyncProperty(badQuery, fc.option(hostileText, { nil: undefined }), async (query, operationName) => {
        await ask(world, { query, operationName });
      }),
  },
  {
    name: 'GraphQL: a body of any shape is refused in words',
    share: 3,
    property: (world) => fc.asyncProperty(hostileJson, async (body) => void (await ask(world, body))),
  },
  {
    name: 'GraphQL: deep and wide questions cost nothing',
    share: 1,
    property: (world) =>
      fc.asyncProperty(fc.nat({ max: 400 }), fc.integer({ min: 1, max: 400 }), async (depth, width) => {
        await ask(world, { query: nested(depth, width) });
      }),
  },
  {
    name: 'GraphQL: forms, GET and other types change nothing',
    share: 3,
    property: (world) =>
      fc.asyncProperty(
        fc.constantFrom(...OPERATIONS.filter((each) => each.startsWith('mutation'))),
        fc.constantFrom(
          'text/plain',
          'application/x-www-form-urlencoded',
          'multipart/form-data; boundary=x',
          '',
        ),
        variables,
        async (query, type, values) => {
          const before = world.ledgerVersion();
          const payload = JSON.stringify({ query, variables: values });
          const reply = await world.ask({
            method: 'POST',
            url: '/graphql',
            headers: { 'content-type': type, origin: 'https://elsewhere.example' },
            payload,
          });
          const asked = new URLSearchParams({ query, variables: JSON.stringify(values) });
          const got = await world.ask({ method: 'GET', url: `/graphql?${asked}` });
          for (const each of [reply, got])
            if (!requireReadable(each)) throw new Error(`answered: ${each.text}`);
          if (world.ledgerVersion() !== before) throw new Error('the ledger has changed');
        },
      ),
  },
  {
    name: 'GraphQL: strangers learn nothing and change nothing',
    share: 3,
    property: (world) =>
      fc.asyncProperty(
        fc.oneof(fc.constantFrom(...OPERATIONS), badQuery),
        variables,
        async (query, values) => {
          const headers = { 'content-type': 'application/json' };
          const reply = await ask(
            world,
            { query, variables: values },
            { remoteAddress: '203.0.113.9', headers },
          );
          if (reply.status !== 401)
            throw new Error(`a stranger got ${reply.status}: ${reply.text.slice(0, 200)}`);
        },
      ),
  },
];
