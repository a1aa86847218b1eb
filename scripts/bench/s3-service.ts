import { join } from 'node:path';
import type { S3SimulatorOptions } from '../../simulators/s3/simulator.ts';
import type { Authority } from './authority.ts';
import type { S3Ready } from './s3-process.ts';
import type { Scope } from './scope.ts';
import { startSimulatorProcess } from './simulator-child.ts';

/** A simulated service that speaks S3, in a process of its own. It hashes bytes and drops them. */
export interface S3Service {
  readonly url: string;
  readonly bucket: string;
  /** Environment variables of Sluice. */
  readonly environment: Readonly<Record<string, string>>;
  /** The same for rclone, whose remote of that name is `s3:`. */
  readonly rcloneEnvironment: Readonly<Record<string, string>>;
}

/** Starts it, behind TLS if there is an authority to vouch for it; the end of the scope stops it. */
export async function startS3Service(scope: Scope, authority?: Authority): Promise<S3Service> {
  const order: S3SimulatorOptions = {
    keepBytes: false,
    ...(authority === undefined ? {} : { tls: authority.tls }),
  };
  const script = join(import.meta.dirname, 's3-process.ts');
  const { ready } = await startSimulatorProcess<S3Ready>(scope, script, order);
  const { url, bucket, keyId, secretKey, region } = ready;
  return {
    url,
    bucket,
    environment: {
      ...authority?.environment,
      S3_ENDPOINT: url,
      S3_REGION: region,
      S3_KEY_ID: keyId,
      S3_SECRET: secretKey,
      S3_BUCKET: bucket,
    },
    rcloneEnvironment: {
      ...authority?.environment,
      RCLONE_CONFIG_S3_TYPE: 's3',
      RCLONE_CONFIG_S3_PROVIDER: 'Other',
      RCLONE_CONFIG_S3_ENDPOINT: url,
      RCLONE_CONFIG_S3_REGION: region,
      RCLONE_CONFIG_S3_ACCESS_KEY_ID: keyId,
      RCLONE_CONFIG_S3_SECRET_ACCESS_KEY: secretKey,
    },
  };
}
