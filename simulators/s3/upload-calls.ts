import { S3Refusal } from './errors.ts';
import { type Call, type CallOptions, expectedOf, isForNew, keptOf, listed, xml } from './object-calls.ts';
import { targetOf } from './operations.ts';
import { element, textsOf } from './xml.ts';

/** How many parts a page has, unless fewer are asked for. */
const PAGE = 1000;

const MAX_PARTS = 10_000;

/** The calls of uploads in parts. */
export function createUploadCalls({ store, blobs, moods }: CallOptions) {
  const uploadOf = (url: URL) => {
    const { bucket, key } = targetOf(url);
    return { bucket, upload: store.upload(bucket, key, url.searchParams.get('uploadId') ?? '') };
  };

  return {
    async CreateMultipartUpload(request) {
      const { bucket, key } = targetOf(request.url);
      const { uploadId } = store.begin(bucket, { key, kept: keptOf(request) });
      return xml('InitiateMultipartUploadResult', element('UploadId', uploadId, true));
    },

    async UploadPart(request, sha256) {
      const { upload } = uploadOf(request.url);
      const number = Number(request.url.searchParams.get('partNumber'));
      if (!(Number.isInteger(number) && number >= 1 && number <= MAX_PARTS)) {
        throw new S3Refusal(400, 'InvalidArgument', 'Part number must be an integer between 1 and 10000');
      }
      const blob = await blobs.receive(request.body, expectedOf(request, sha256));
      await store.putPart(upload, { number, blob });
      return { status: 200, headers: { etag: `"${blob.md5}"` } };
    },

    async ListParts({ url }) {
      const { upload } = uploadOf(url);
      const after = Number(url.searchParams.get('part-number-marker') ?? 0);
      const most = Math.min(PAGE, Number(url.searchParams.get('max-parts') ?? PAGE));
      const parts = [...upload.parts.values()]
        .filter(({ number }) => number > after)
        .sort((one, other) => one.number - other.number);
      const page = parts.slice(0, most);
      const isMore = page.length < parts.length;
      return xml(
        'ListPartsResult',
        [
          element('IsTruncated', String(isMore)),
          isMore ? element('NextPartNumberMarker', page.at(-1)?.number ?? 0) : '',
          ...page.map(({ number, blob }) =>
            element(
              'Part',
              element('PartNumber', number) +
                element('ETag', `"${blob.md5}"`, true) +
                element('Size', blob.bytes),
            ),
          ),
        ].join(''),
      );
    },

    async CompleteMultipartUpload(request) {
      const text = (await request.bytes()).toString();
      const { bucket, upload } = uploadOf(request.url);
      const etags = textsOf(text, 'ETag');
      const parts = textsOf(text, 'PartNumber').map((number, index) => ({
        number: Number(number),
        etag: etags[index] ?? '',
      }));
      const { etag } = await store.complete(bucket, upload, { parts, isNew: isForNew(request) });
      return xml('CompleteMultipartUploadResult', element('ETag', etag, true));
    },

    async AbortMultipartUpload({ url }) {
      const { bucket, upload } = uploadOf(url);
      await store.abort(bucket, upload);
      return { status: 204 };
    },

    async ListMultipartUploads({ url }) {
      const { searchParams: query } = url;
      const prefix = query.get('prefix') ?? '';
      const { uploads } = store.bucket(targetOf(url).bucket);
      const found = [...uploads.values()].filter(({ key }) => moods.listsUploads && key.startsWith(prefix));
      const isEncoded = query.get('encoding-type') === 'url';
      return xml(
        'ListMultipartUploadsResult',
        [
          element('IsTruncated', 'false'),
          isEncoded ? element('EncodingType', 'url') : '',
          ...found.map(({ key, uploadId, atMs }) =>
            element(
              'Upload',
              listed(key, isEncoded) +
                element('UploadId', uploadId, true) +
                element('Initiated', new Date(atMs).toISOString()),
            ),
          ),
        ].join(''),
      );
    },
  } satisfies Record<string, Call>;
}
