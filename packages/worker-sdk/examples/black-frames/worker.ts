import { frameParameters, runFrameWorker } from '@sluice/worker-sdk';
import { z } from 'zod';

await runFrameWorker({
  package: new URL('./package.json', import.meta.url),
  parameters: frameParameters.extend({
    threshold: z
      .int()
      .min(0)
      .max(255)
      .default(24)
      .describe('The brightest that a black picture may be, on average'),
  }),
  initProcess({ streams }) {
    const film = streams.find(({ kind }) => kind === 'video');
    if (film === undefined) throw new Error('The source has no pictures');
    return [{ index: film.index, video: [{ resize: { width: 64, height: 36 } }, { pixelFormats: 'gray' }] }];
  },
  processFrame({ planes: [luma = Buffer.alloc(0)], timeS, pts }, { job }) {
    const brightness = luma.reduce((sum, value) => sum + value, 0) / luma.length;
    return brightness > job.parameters.threshold ? undefined : { pts, timeS, brightness };
  },
});
