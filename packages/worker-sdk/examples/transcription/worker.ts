import { frameParameters, runFrameWorker } from '@sluice/worker-sdk';

/** Quieter than this nobody speaks, of 16 bits. */
const MIN_LOUDNESS = 500;

await runFrameWorker({
  package: new URL('./package.json', import.meta.url),
  parameters: frameParameters,
  initProcess({ streams }) {
    const sound = streams.find(({ kind }) => kind === 'audio');
    if (sound === undefined) throw new Error('The source has no sound');
    const audioFormat = { sampleRates: [16_000], channelLayouts: ['mono'], sampleFormats: ['s16'] };
    return [
      {
        index: sound.index,
        audio: [{ audioFormat }, { name: 'asetnsamples', parameters: { n: 8000, p: 0 } }],
      },
    ];
  },
  processFrame({ planes: [samples = Buffer.alloc(0)], timeS }) {
    let loudest = 0;
    for (let at = 0; at + 1 < samples.length; at += 2) {
      loudest = Math.max(loudest, Math.abs(samples.readInt16LE(at)));
    }
    // Here a model of speech would be asked.
    return { timeS, text: loudest < MIN_LOUDNESS ? '' : '(speech)' };
  },
});
