// Creates a video in Bunny Stream and uploads a file into it, as the documentation of tus-js-client shows.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Upload } from 'tus-js-client';

const { BUNNY_API_URL, BUNNY_TUS_URL, BUNNY_LIBRARY_ID, BUNNY_API_KEY } = process.env;
const [, , path] = process.argv;

const response = await fetch(`${BUNNY_API_URL}/library/${BUNNY_LIBRARY_ID}/videos`, {
  method: 'POST',
  headers: { AccessKey: BUNNY_API_KEY, 'content-type': 'application/json' },
  body: JSON.stringify({ title: 'Algebra' }),
});
if (!response.ok) throw new Error(`no video: ${response.status} ${await response.text()}`);
const { guid } = await response.json();
const expiresAtS = Math.floor(Date.now() / 1000) + 3600;

await new Promise((resolve, reject) => {
  const upload = new Upload(createReadStream(path), {
    endpoint: BUNNY_TUS_URL,
    headers: {
      AuthorizationSignature: createHash('sha256')
        .update(`${BUNNY_LIBRARY_ID}${BUNNY_API_KEY}${expiresAtS}${guid}`)
        .digest('hex'),
      AuthorizationExpire: String(expiresAtS),
      VideoId: guid,
      LibraryId: BUNNY_LIBRARY_ID,
    },
    metadata: { filetype: 'video/mp4', title: 'Algebra' },
    onError: reject,
    onSuccess: resolve,
  });
  upload.start();
});
