import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { runWorker } from '@sluice/worker-sdk';
import { z } from 'zod';

await runWorker({
  package: new URL('./package.json', import.meta.url),
  parameters: z.object({
    source_path: z.string().describe('The file'),
    algorithm: z.enum(['sha1', 'sha256', 'md5']).default('sha256'),
  }),
  async process({ parameters: { source_path, algorithm }, progress, signal }) {
    const { size } = await stat(source_path);
    const hash = createHash(algorithm);
    let readBytes = 0;
    for await (const chunk of createReadStream(source_path, { signal })) {
      hash.update(chunk);
      readBytes += chunk.length;
      progress((readBytes / size) * 100);
    }
    return { parameters: { digest: hash.digest('hex') } };
  },
});
