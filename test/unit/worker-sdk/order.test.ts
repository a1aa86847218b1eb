import { describe, expect, it } from 'vitest';
import { OrderError } from '../../../packages/worker-sdk/src/errors.ts';
import { parseOrder } from '../../../packages/worker-sdk/src/order.ts';

const parse = (order: unknown) => parseOrder(Buffer.from(JSON.stringify(order)));

function refusalOf(body: string | object): OrderError {
  try {
    parseOrder(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  } catch (error) {
    if (error instanceof OrderError) return error;
    throw error;
  }
  throw new Error('the order was taken');
}

describe('orders', () => {
  it('W1 reads an order without a type as a job, and keeps each parameter as it came', () => {
    const order = parse({
      job_id: 90211,
      parameters: [
        { id: 'source_path', type: 'string', value: '/data/41/talk.mp4' },
        { id: 'crf', type: 'integer', value: '23', default: 21 },
        { id: 'api_key', type: 'string', value: 'SPEECH_KEY', store: 'BACKEND' },
        { id: 'nothing', type: 'string', value: null, default: null, store: null },
      ],
    });

    expect(order).toEqual({
      kind: 'job',
      jobId: 90211,
      parameters: [
        { id: 'source_path', type: 'string', value: '/data/41/talk.mp4' },
        { id: 'crf', type: 'integer', value: '23', default: 21 },
        { id: 'api_key', type: 'string', value: 'SPEECH_KEY', store: 'BACKEND' },
        { id: 'nothing', type: 'string' },
      ],
    });
  });

  it.each(['job', 'init_process', 'start_process', 'stop_process', 'update_process', 'reached_expiration'])(
    'W34-W39 knows the order %s about a job',
    (type) => {
      expect(parse({ type, job_id: 1, parameters: [] })).toEqual({ kind: type, jobId: 1, parameters: [] });
    },
  );

  it.each(['status', 'stop_worker', 'stop_consuming_jobs', 'resume_consuming_jobs'])(
    'W40-W43 knows the order %s to the worker',
    (type) => {
      expect(parse({ type })).toEqual({ kind: type });
    },
  );

  it('W44 reads the jobs of a change to the black list in each of its spellings', () => {
    const kind = 'add_to_black_list';

    expect(parse({ type: kind, job_id: 1 })).toEqual({ kind, jobIds: [1] });
    expect(parse({ type: kind, job_ids: [1, 2] })).toEqual({ kind, jobIds: [1, 2] });
    expect(parse({ type: kind, jobs: [3] })).toEqual({ kind, jobIds: [3] });
    expect(refusalOf({ type: kind }).message).toContain('it names no job');
  });

  it('W1 takes an order of a type that nobody knows for a job, and ignores what it does not know besides', () => {
    expect(parse({ type: 'of_tomorrow', job_id: 1, parameters: [], more: true })).toEqual({
      kind: 'job',
      jobId: 1,
      parameters: [],
    });
  });

  it('W2 refuses the kinds that only an orchestrator may use, by the name of the parameter', () => {
    for (const type of ['template', 'array_of_templates', 'select_input', 'filter', 'extended', 'odd']) {
      const error = refusalOf({ job_id: 7, parameters: [{ id: 'where', type }] });
      expect(error.message).toBe(`Parameter "where" is of the kind "${type}", which no order may carry`);
      expect(error.jobId).toBe(7);
    }
  });

  it.each([
    ['no JSON', '{', undefined, 'no JSON'],
    ['no parameters', { job_id: 5 }, 5, 'at parameters'],
    ['a parameter without a type', { job_id: 5, parameters: [{ id: 'a' }] }, 5, 'at parameters.0.type'],
    ['no number of a job', { parameters: [] }, undefined, 'at job_id'],
    ['a negative number', { job_id: -1, parameters: [] }, undefined, 'at job_id'],
    ['a number that would be rounded', '{"job_id":9007199254740993,"parameters":[]}', undefined, 'at job_id'],
    ['an array', '[]', undefined, 'cannot be read'],
    ['nothing', 'null', undefined, 'cannot be read'],
  ] as const)('W21 says what is wrong with an order: %s', (_name, body, jobId, words) => {
    const error = refusalOf(body);

    expect(error.message).toContain(words);
    expect(error.jobId).toBe(jobId);
  });

  it('W21 refuses text that is not UTF-8', () => {
    expect(() => parseOrder(Buffer.from([0x22, 0xff, 0x22]))).toThrow('The order is no JSON');
  });

  it('refuses an order of ten mebibytes by its size', () => {
    const value = 'x'.repeat(10 * 1024 * 1024);

    expect(refusalOf({ job_id: 1, parameters: [{ id: 'a', type: 'string', value }] }).message).toMatch(
      /has \d+ bytes, and may have 4194304/,
    );
  });
});
