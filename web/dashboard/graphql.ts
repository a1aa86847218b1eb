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

/** What there is to show an asset by: addresses, null until there is one. */
export interface PlayerView {
  readonly poster: string | null;
  readonly sprite: string | null;
  readonly waveform: string | null;
  readonly hls: string | null;
  /** The presets that would make what is not there. */
  readonly missing: readonly string[];
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
  readonly player: Pick<PlayerView, 'poster'>;
}

/** Whether something of it changes by itself. */
export function isUnderWay({ status, jobs }: Pick<AssetView, 'status' | 'jobs'>): boolean {
  return status === 'pending' || jobs.some(isOpen);
}

/** Whether a job is waited for. */
export function isOpen({ status }: Pick<JobView, 'status'>): boolean {
  return status === 'PENDING' || status === 'PROCESSING';
}
