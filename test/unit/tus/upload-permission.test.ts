import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createUploadToken } from '../../../src/lib/upload-token.ts';
import { createUploadPermission } from '../../../src/tus/upload-permission.ts';

const SECRET = 'a secret of the website, 32 bytes and more';

it('lets an upload be of no recording but that of its token, and keeps no token, whatever the metadata says', async () => {
  const permission = createUploadPermission({ secrets: [SECRET], expiresAfterMs: 1000 });
  const token = await createUploadToken({ secret: SECRET, aceId: 'lesson-1', expiresInS: 60 });
  const key = fc.constantFrom('ace_id', 'token', 'title', 'Token', 'x');
  const value = fc.oneof(fc.constantFrom('lesson-1', 'lesson-2', token), fc.string({ maxLength: 5 }));
  const said = fc.array(fc.tuple(key, fc.option(value)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(
      said.map((pairs) => Object.fromEntries(pairs)),
      fc.constantFrom(null, '', 'Basic eA==', `Bearer ${token}`, `bearer  ${token}`, 'Bearer x', 'Bearer'),
      async (metadata, authorization) => {
        const begun = await permission.begin({ authorization, metadata, bytes: 1 }).catch((error) => error);
        if (begun instanceof Error) {
          expect(begun).toMatchObject({
            name: 'UploadRefused',
            code: expect.stringMatching(/^UPLOAD_TOKEN_/),
          });
          return;
        }
        expect(begun.metadata['ace_id']).toBe('lesson-1');
        expect(begun.metadata).not.toHaveProperty('token');
        expect(authorization?.includes(token) || metadata['token'] === token).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});
