import { createFfmpeg } from '../../src/outside/ffmpeg/driver.ts';

/** A worker whose only work is one run of ffmpeg that never ends. */
const ffmpeg = createFfmpeg({
  command: 'ffmpeg',
  searchPath: process.env['PATH'] ?? '',
  maxMemoryBytes: 1_000_000_000,
  stall: { idleS: 600, workingS: 600 },
  niceness: 0,
});

await ffmpeg.run({
  args: ['-re', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=5', '-f', 'null', '-'],
  signal: new AbortController().signal,
  onProgress: () => process.send?.('encodes'),
});
