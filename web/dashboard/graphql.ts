import { ApiProblem, postJson } from './api.ts';

interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: { readonly code?: string; readonly advice?: string };
  }[];
}

/** Asks by GraphQL. @throws ApiProblem */
export async function ask<T>(query: string, variables: object = {}): Promise<T> {
  const { data, errors = [] } = await postJson<Answer<T>>('/graphql', { query, variables });
  const [error] = errors;
  if (error !== undefined) {
    const { code = '', advice = '' } = error.extensions ?? {};
    throw new ApiProblem(200, code, error.message, advice);
  }
  if (data == null) throw new ApiProblem(200, '', 'The server has answered nothing.', '');
  return data;
}

/** A job of an asset, as the pages ask for it. */
export interface JobView {
  readonly id: string;
  readonly presetId: string | null;
  readonly status: 'PENDING' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';
  readonly progress: number;
  readonly error: string | null;
  readonly output: string | null;
  readonly outputUrl: string | null;
  /** Of a part, in seconds of the asset. */
  readonly startsAt: number | null;
  readonly endsAt: number | null;
}

/** An asset with its jobs, as the pages ask for it. */
export interface AssetView {
  readonly id: string;
  readonly filename: string;
  readonly path: string;
  readonly duration: number | null;
  readonly size: number | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly videoCodec: string | null;
  readonly audioCodec: string | null;
  readonly status: 'pending' | 'ready' | 'error';
  readonly error: string | null;
  readonly comments: string;
  readonly url: string | null;
  readonly jobs: readonly JobView[];
}

const JOB = 'id presetId status progress error output outputUrl startsAt endsAt';

export const ASSET = `id filename path duration size width height videoCodec audioCodec status error comments url jobs { ${JOB} }`;

/** Whether something of it changes by itself. */
export function isUnderWay({ status, jobs }: Pick<AssetView, 'status' | 'jobs'>): boolean {
  return status === 'pending' || jobs.some((job) => job.status === 'PENDING' || job.status === 'PROCESSING');
}
