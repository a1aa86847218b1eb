import { type Call, type CallOptions, DEFAULT_COUNT } from './call.ts';
import { badRequest } from './errors.ts';
import { checkFileInfo, checkFileName, toContentType } from './names.ts';
import { fileObject, partObject } from './shapes.ts';

const MAX_PARTS = 1000;
const MAX_PART_NUMBER = 10_000;
const MAX_UNFINISHED = 100;

/** The calls for large files, by name, but for the upload of parts. */
export function largeFileCalls({ store, tokens, absoluteMinimumPartSize }: CallOptions): [string, Call][] {
  const start: Call = {
    reads: false,
    run(params, { version }) {
      const { bucketId } = store.bucket(params.text('bucketId'));
      const fileName = params.text('fileName');
      checkFileName(fileName);
      const fileInfo = checkFileInfo(fileName, params.record('fileInfo'));
      const contentType = toContentType(params.text('contentType'), fileName);
      const started = store.startLargeFile({ bucketId, fileName, contentType, fileInfo });
      return fileObject(store.accountId, bucketId, started, version);
    },
  };
  const getUploadPartUrl: Call = {
    reads: true,
    run(params, { version, baseUrl }) {
      const { fileId } = store.largeFile(params.text('fileId'));
      const { path, token } = tokens.issueUpload('part', version, fileId);
      return { fileId, uploadUrl: `${baseUrl}${path}`, authorizationToken: token };
    },
  };
  const finish: Call = {
    reads: false,
    run(params, { version }) {
      const sha1s = params.texts('partSha1Array');
      const finished = store.finishLargeFile(params.text('fileId'), sha1s, absoluteMinimumPartSize);
      return fileObject(store.accountId, finished.bucketId, finished, version);
    },
  };
  const cancel: Call = {
    reads: false,
    async run(params) {
      const { bucketId, fileId, fileName } = await store.cancelLargeFile(params.text('fileId'));
      return { accountId: store.accountId, bucketId, fileId, fileName };
    },
  };
  const listParts: Call = {
    reads: true,
    run(params) {
      const { fileId, parts } = store.largeFile(params.text('fileId'));
      // Where no part has the number, the list begins with the first one behind it; some clients begin at 0.
      const from = params.count('startPartNumber', 1, MAX_PART_NUMBER, 0);
      const max = params.count('maxPartCount', DEFAULT_COUNT, MAX_PARTS);
      const rest = [...parts.values()]
        .filter((part) => part.partNumber >= from)
        .sort((a, b) => a.partNumber - b.partNumber);
      return {
        parts: rest.slice(0, max).map((part) => partObject(fileId, part)),
        nextPartNumber: rest[max]?.partNumber ?? null,
      };
    },
  };
  const listUnfinished: Call = {
    reads: true,
    run(params, { version }) {
      const { bucketId } = store.bucket(params.text('bucketId'));
      const max = params.count('maxFileCount', DEFAULT_COUNT, MAX_UNFINISHED);
      const prefix = params.optionalText('namePrefix') ?? '';
      const startFileId = params.optionalText('startFileId');
      const all = store
        .largeFiles()
        .filter((file) => file.bucketId === bucketId && file.fileName.startsWith(prefix));
      const startOrder = startFileId === undefined ? 0 : store.orderOf(startFileId);
      if (startOrder === undefined) throw badRequest(`Invalid startFileId: ${startFileId}`);
      // One that was finished or cancelled meanwhile is passed over: the listing goes on with the next one.
      const rest = all.filter((file) => file.order >= startOrder);
      const files = rest.slice(0, max);
      return {
        files: files.map((file) => fileObject(store.accountId, bucketId, file, version)),
        nextFileId: rest[max]?.fileId ?? null,
      };
    },
  };
  return [
    ['b2_start_large_file', start],
    ['b2_get_upload_part_url', getUploadPartUrl],
    ['b2_finish_large_file', finish],
    ['b2_cancel_large_file', cancel],
    ['b2_list_parts', listParts],
    ['b2_list_unfinished_large_files', listUnfinished],
  ];
}
