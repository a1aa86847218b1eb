import { type Call, type CallOptions, DEFAULT_COUNT } from './call.ts';
import { B2Refusal, badRequest } from './errors.ts';
import { type Entry, listNames, listVersions, type Page } from './listing.ts';
import type { Params } from './params.ts';
import { fileObject } from './shapes.ts';
import type { LargeFile, Version } from './store.ts';

const MAX_NAMES = 10_000;

/** The calls for finished files, by name, but for uploads and downloads. */
export function fileCalls({ store, tokens }: CallOptions): [string, Call][] {
  const toObjects = (bucketId: string, entries: readonly Entry[], version: number) =>
    entries.map((entry) => fileObject(store.accountId, bucketId, entry, version));

  const getUploadUrl: Call = {
    reads: true,
    run(params, { version, baseUrl }) {
      const { bucketId } = store.bucket(params.text('bucketId'));
      const { path, token } = tokens.issueUpload('file', version, bucketId);
      return { bucketId, uploadUrl: `${baseUrl}${path}`, authorizationToken: token };
    },
  };
  const listFileNames: Call = {
    reads: true,
    run(params, { version }) {
      const { bucketId } = store.bucket(params.text('bucketId'));
      const versions = store.versions().filter((each) => each.bucketId === bucketId);
      const { entries, next } = listNames(versions, toPage(params));
      return { files: toObjects(bucketId, entries, version), nextFileName: next?.fileName ?? null };
    },
  };
  const listFileVersions: Call = {
    reads: true,
    run(params, { version }) {
      const { bucketId } = store.bucket(params.text('bucketId'));
      const all: (Version | LargeFile)[] = [...store.versions(), ...store.largeFiles()];
      const startFileId = params.optionalText('startFileId');
      if (startFileId !== undefined) params.text('startFileName');
      const startOrder = startFileId === undefined ? undefined : store.orderOf(startFileId);
      if (startFileId !== undefined && startOrder === undefined) {
        throw badRequest(`Invalid startFileId: ${startFileId}`);
      }
      const ofBucket = all.filter((each) => each.bucketId === bucketId);
      const { entries, next } = listVersions(ofBucket, { ...toPage(params), startOrder });
      const nextFileId = next === undefined || next.action === 'folder' ? null : next.fileId;
      const files = toObjects(bucketId, entries, version);
      return { files, nextFileName: next?.fileName ?? null, nextFileId };
    },
  };
  const getFileInfo: Call = {
    reads: true,
    run(params, { version }) {
      const fileId = params.text('fileId');
      const all: (Version | LargeFile)[] = [...store.versions(), ...store.largeFiles()];
      const found = all.find((each) => each.fileId === fileId);
      if (found === undefined) throw new B2Refusal(404, 'not_found', `file_state_none: ${fileId}`);
      return fileObject(store.accountId, found.bucketId, found, version);
    },
  };
  const deleteFileVersion: Call = {
    reads: false,
    async run(params) {
      const fileName = params.text('fileName');
      const fileId = params.text('fileId');
      await store.deleteVersion(fileName, fileId);
      return { fileId, fileName };
    },
  };
  const hideFile: Call = {
    reads: false,
    run(params, { version }) {
      const { bucketId } = store.bucket(params.text('bucketId'));
      return fileObject(store.accountId, bucketId, store.hide(bucketId, params.text('fileName')), version);
    },
  };
  return [
    ['b2_get_upload_url', getUploadUrl],
    ['b2_list_file_names', listFileNames],
    ['b2_list_file_versions', listFileVersions],
    ['b2_get_file_info', getFileInfo],
    ['b2_delete_file_version', deleteFileVersion],
    ['b2_hide_file', hideFile],
  ];
}

function toPage(params: Params): Page {
  return {
    prefix: params.optionalText('prefix') ?? '',
    delimiter: params.optionalText('delimiter'),
    startFileName: params.optionalText('startFileName') ?? '',
    maxCount: params.count('maxFileCount', DEFAULT_COUNT, MAX_NAMES),
  };
}
