import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { Call, CallOptions } from './call.ts';
import { B2Refusal, badRequest } from './errors.ts';
import { fileCalls } from './file-calls.ts';
import { largeFileCalls } from './large-file-calls.ts';
import { type Params, readParams } from './params.ts';
import { authorization, bucketObject } from './shapes.ts';
import type { Store } from './store.ts';

const BUCKET_NAME = /^(?!b2-)[A-Za-z0-9-]{6,63}$/;

/** Creates the route for `/b2api/vN/<call>`, all calls but uploads and downloads. */
export function createApi(options: CallOptions) {
  const { store, tokens } = options;
  const calls = new Map<string, Call>([
    ...bucketCalls(store),
    ...largeFileCalls(options),
    ...fileCalls(options),
  ]);

  return async (request: SimulatorRequest, version: number, name: string): Promise<Answer> => {
    const baseUrl = request.url.origin;
    if (name === 'b2_authorize_account') {
      if (request.method !== 'GET' && request.method !== 'POST') throw methodNotAllowed(request.method);
      checkKey(request.headers.authorization, options);
      const facts = { ...options, accountId: store.accountId, token: tokens.issueAccount(), baseUrl };
      return { status: 200, body: authorization(version, facts) };
    }
    const call = calls.get(name);
    if (call === undefined) throw badRequest(`unknown operation: ${name}`);
    if (request.method !== 'POST' && !(request.method === 'GET' && call.reads)) {
      throw methodNotAllowed(request.method);
    }
    tokens.checkAccount(request.headers.authorization);
    checkCapability(name, options.capabilities);
    return { status: 200, body: await call.run(await readParams(request), { version, baseUrl }) };
  };
}

function bucketCalls(store: Store): [string, Call][] {
  function checkAccountId(params: Params): void {
    if (params.text('accountId') !== store.accountId) throw badRequest('accountId is not that of the token');
  }

  const listBuckets: Call = {
    reads: true,
    run(params) {
      checkAccountId(params);
      const bucketId = params.optionalText('bucketId');
      const bucketName = params.optionalText('bucketName');
      const buckets = store
        .buckets()
        .filter((bucket) => bucketId === undefined || bucket.bucketId === bucketId)
        .filter((bucket) => bucketName === undefined || bucket.bucketName === bucketName)
        .map((bucket) => bucketObject(store.accountId, bucket));
      return { buckets };
    },
  };
  const createBucket: Call = {
    reads: false,
    run(params) {
      checkAccountId(params);
      const bucketName = params.text('bucketName');
      const bucketType = params.text('bucketType');
      if (!BUCKET_NAME.test(bucketName)) {
        throw new B2Refusal(400, 'invalid_bucket_name', `Invalid bucketName: ${bucketName}`);
      }
      if (bucketType !== 'allPrivate' && bucketType !== 'allPublic') {
        throw badRequest(`Invalid bucketType: ${bucketType}`);
      }
      return bucketObject(store.accountId, store.createBucket(bucketName, bucketType));
    },
  };
  return [
    ['b2_list_buckets', listBuckets],
    ['b2_create_bucket', createBucket],
  ];
}

function checkKey(header: string | undefined, { keyId, applicationKey }: CallOptions): void {
  const expected = `Basic ${Buffer.from(`${keyId}:${applicationKey}`).toString('base64')}`;
  // The base64 of some clients comes without its padding.
  if (header?.replace(/=+$/, '') !== expected.replace(/=+$/, '')) {
    throw new B2Refusal(401, 'unauthorized', 'The application key id or key is not valid');
  }
}

/** The right that a call needs (B2, native API); of those not named here any key has it. */
const NEEDED: Readonly<Record<string, string>> = {
  b2_list_buckets: 'listBuckets',
  b2_create_bucket: 'writeBuckets',
  b2_get_upload_url: 'writeFiles',
  b2_start_large_file: 'writeFiles',
  b2_get_upload_part_url: 'writeFiles',
  b2_finish_large_file: 'writeFiles',
  b2_cancel_large_file: 'writeFiles',
  b2_list_parts: 'writeFiles',
  b2_list_unfinished_large_files: 'listFiles',
  b2_list_file_names: 'listFiles',
  b2_list_file_versions: 'listFiles',
  b2_get_file_info: 'readFiles',
  b2_hide_file: 'writeFiles',
  b2_delete_file_version: 'deleteFiles',
};

function checkCapability(name: string, capabilities: readonly string[]): void {
  const needed = NEEDED[name];
  if (needed === undefined || capabilities.includes(needed)) return;
  throw new B2Refusal(401, 'unauthorized', `The application key lacks the capability ${needed}`);
}

function methodNotAllowed(method: string): B2Refusal {
  return new B2Refusal(405, 'method_not_allowed', `only POST, or GET where a call only reads, not ${method}`);
}
