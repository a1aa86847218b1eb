import { type S3SimulatorOptions, startS3Simulator } from '../../simulators/s3/simulator.ts';

/** What it tells when it answers requests. */
export interface S3Ready {
  readonly url: string;
  readonly keyId: string;
  readonly secretKey: string;
  readonly region: string;
  readonly bucket: string;
}

const options = JSON.parse(process.argv[2] ?? '{}') as S3SimulatorOptions;
const { url, keyId, secretKey, region, bucket, close } = await startS3Simulator(options);
process.once('disconnect', () => void close().then(() => process.exit()));
// A terminal's Ctrl-C reaches the whole group; the parent decides when this process ends.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});

const ready: S3Ready = { url, keyId, secretKey, region, bucket };
process.send?.(ready);
