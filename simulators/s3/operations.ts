/** The names of the operations that are understood, as the documentation of S3 has them. */
export type Operation =
  | 'HeadBucket'
  | 'CreateBucket'
  | 'ListObjectsV2'
  | 'ListMultipartUploads'
  | 'DeleteObjects'
  | 'HeadObject'
  | 'GetObject'
  | 'PutObject'
  | 'DeleteObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'ListParts'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload';

/** Bucket and key of a path, in which the bucket comes first. */
export function targetOf({ pathname }: URL): { bucket: string; key: string } {
  const [, bucket = '', ...rest] = pathname.split('/');
  return { bucket: decodeURIComponent(bucket), key: decodeURIComponent(rest.join('/')) };
}

/** What a request is for; `undefined`: nothing that is understood. */
export function operationOf(method: string, url: URL): Operation | undefined {
  const { searchParams: query } = url;
  const isObject = targetOf(url).key !== '';
  switch (`${method} ${isObject ? 'object' : 'bucket'}`) {
    case 'HEAD bucket':
      return 'HeadBucket';
    case 'PUT bucket':
      return 'CreateBucket';
    case 'GET bucket':
      if (query.has('uploads')) return 'ListMultipartUploads';
      return query.get('list-type') === '2' ? 'ListObjectsV2' : undefined;
    case 'POST bucket':
      return query.has('delete') ? 'DeleteObjects' : undefined;
    case 'HEAD object':
      return 'HeadObject';
    case 'GET object':
      return query.has('uploadId') ? 'ListParts' : 'GetObject';
    case 'PUT object':
      return query.has('uploadId') ? 'UploadPart' : 'PutObject';
    case 'POST object':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      return query.has('uploadId') ? 'CompleteMultipartUpload' : undefined;
    case 'DELETE object':
      return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
    default:
      return undefined;
  }
}
