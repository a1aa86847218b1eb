import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../test/support/free-port.ts';
import type { Bench } from './bench.ts';
import { startChildScript } from './child-script.ts';
import { createFileRuns, writeRecipes } from './file-runs.ts';
import { drawFilms } from './films.ts';
import type { CallsMade, CallsWanted } from './grpc-sender.ts';
import { startS3Service } from './s3-service.ts';
import { settleDisk } from './settle-disk.ts';
import { makeFolder, startSluice } from './sluice.ts';
import { quantile } from './statistics.ts';
import { UNUSED_SERVICES } from './unused-services.ts';

const RECIPE = `recipes:
  - name: ladder
    steps:
      - { id: fetch, task: fetch }
      - { id: package, task: package, takes: { file: fetch.file }, params: { ladder: [R_720P, R_480P, R_360P], top: encode } }
      - { id: cleanup, task: cleanup, after: package }
`;

/** So many are made before any is measured: a server that has just started has not yet compiled what it does. */
const WARMING_CALLS = 600;

/** How quickly programs are answered while a package is made. */
export const doors: Bench = {
  name: 'doors',
  description: 'gRPC beside an encode: how long a job takes to be taken in, and the results of a hundred',
  settings: {
    calls: 'how many calls, half of them jobs and half questions (default 2000)',
    'calls-per-second': 'how many of them in a second (default 100)',
    'jobs-asked': 'how many jobs one question is about (default 100)',
    'encode-s': 'length of the film that is encoded meanwhile, in seconds (default 240)',
  },
  rounds: 3,
  async run(context) {
    const { rounds, say, setting, signal } = context;
    const [calls, perSecond] = [setting('calls', 2000), setting('calls-per-second', 100)];
    const [jobs, filmS] = [setting('jobs-asked', 100), setting('encode-s', 240)];
    const folder = await makeFolder(context);
    say('drawing the film ...');
    const { camera } = await drawFilms(folder, filmS, signal);
    const service = await startS3Service(context);
    const port = await freePort();
    const sluice = await startSluice(context, {
      ...UNUSED_SERVICES,
      ...service.environment,
      ...(await writeRecipes(folder, RECIPE)),
      MEDIA_OUT: `s3://${service.bucket}/media`,
      GRPC_PORT: String(port),
      S3_INPUT_BUCKETS: '*',
      S3_OUTPUT_BUCKETS: '*',
    });
    const encodes = createFileRuns(sluice, folder, signal);
    const sender = startChildScript(context, join(import.meta.dirname, 'grpc-sender.ts'));
    const place = (key: string) => ({ bucket: 'site', key });
    const wanted: CallsWanted = {
      address: `127.0.0.1:${port}`,
      job: {
        video: { s3_input: { bucket: service.bucket, key: 'films/nowhere.mp4' } },
        playlists: [
          { upload_to: place('lesson/video.m3u8'), options: { quality_names: ['R_720P', 'R_360P'] } },
        ],
        thumbnails: [{ thumbnail_time: '00:00:10', upload_to: place('lesson/poster.jpg') }],
      },
      ...{ jobs, calls, perSecond },
    };

    say('warming the door ...');
    await sender.ask<CallsMade>({ ...wanted, calls: WARMING_CALLS });

    const rows: CallsMade[] = [];
    const notes = new Set<string>();
    for (let round = 1; round <= rounds; round += 1) {
      const encode = await encodes.begin(camera.path, 'ladder');
      const isEncoding = async () => (await encodes.look(encode)).stages['package']?.done_at === null;
      while (!(await isEncoding())) await sleep(50, undefined, { signal });
      await settleDisk(signal);
      const made = await sender.ask<CallsMade>(wanted);
      rows.push(made);
      say(
        `round ${round}: p99 of create_job ${quantile(made.createMs, 0.99).toFixed(1)} ms, of get_results ${quantile(made.resultsMs, 0.99).toFixed(1)} ms, lost ${made.lost}`,
      );
      if (!(await isEncoding())) notes.add('The encode came to its end too early (--encode-s).');
      await encodes.untilDone(encode);
    }

    const all = (of: 'createMs' | 'resultsMs') => rows.flatMap((made) => made[of]);
    const figure = (of: 'createMs' | 'resultsMs', share: number) => quantile(all(of), share);
    return {
      figures: {
        'doors.create_p50_ms': figure('createMs', 0.5),
        'doors.create_p99_ms': figure('createMs', 0.99),
        'doors.results_p50_ms': figure('resultsMs', 0.5),
        'doors.results_p99_ms': figure('resultsMs', 0.99),
        'doors.lost': rows.reduce((sum, { lost }) => sum + lost, 0),
      },
      goals: { 'doors.create_p99_ms': 20, 'doors.results_p99_ms': 30, 'doors.lost': 0 },
      samples: {
        'doors.create_p99_ms': rows.map(({ createMs }) => quantile(createMs, 0.99)),
        'doors.results_p99_ms': rows.map(({ resultsMs }) => quantile(resultsMs, 0.99)),
      },
      rows: [
        ['call', 'p50 ms', 'p99 ms', 'most ms'],
        ...(['createMs', 'resultsMs'] as const).map((of) => [
          of === 'createMs' ? 'create_job' : `get_results of ${jobs}`,
          ...[0.5, 0.99, 1].map((share) => figure(of, share).toFixed(1)),
        ]),
      ],
      notes: [
        `${calls} calls a round over one connection, ${perSecond} a second, while three renditions of a film are encoded. The input of the jobs is`,
        'not there: each of them is taken in, looked at and fails beside the calls. Milliseconds say little where others use the machine.',
        ...notes,
      ],
    };
  },
};
