import type { ServiceWords } from '../../domain/services.ts';

export const EXECUTOR: ServiceWords = {
  service: 'executor',
  name: 'the executor',
  keys: 'the settings of EXECUTOR',
  address: 'EXECUTOR_URL, LAMBDA_ENDPOINT or GCP_ENDPOINT',
};
