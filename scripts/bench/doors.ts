import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../test/support/free-port.ts';
import type { Bench } from './bench.ts';
import { startChildScript } from './child-script.ts';
import { followPieces, makeLibrary, measureLibrary } from './doors-library.ts';
import { createFileRuns, writeRecipes } from './file-runs.ts';
import { drawFilms } from './films.ts';
import type { CallsMade, CallsWanted } from './grpc-sender.ts';
import { createLine } from './line.ts';
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

/** How quickly programs are answered while a package is made, and how much a library of many files costs. */
export const doors: Bench = {
  name: 'doors',
  description:
    'What programs wait for: gRPC beside an encode, pages and scans of a library, pieces as they are cut',
  settings: {
    calls: 'how many calls, half of them jobs and half questions (default 2000)',
    'calls-per-second': 'how many of them in a second (default 100)',
    'jobs-asked': 'how many jobs one question is about (default 100)',
    'encode-s': 'length of the film that is encoded meanwhile, in seconds (default 240)',
    files: 'how many files the library has (default 10000)',
    pages: 'how many pages of it are asked for, one after the other (default 400)',
  },
  rounds: 3,
  async run(context) {
    const { rounds, say, setting, signal } = context;
    const [calls, perSecond] = [setting('calls', 2000), setting('calls-per-second', 100)];
    const [jobs, filmS] = [setting('jobs-asked', 100), setting('encode-s', 240)];
    const library = { files: setting('files', 10_000), pages: setting('pages', 400) };
    const folder = await makeFolder(context);
    say('drawing the film ...');
    const { camera } = await drawFilms(folder, filmS, signal);
    const service = await startS3Service(context);
    const port = await freePort();
    const mediaIn = await makeLibrary(folder, camera.path, library.files);
    const sluice = await startSluice(context, {
      ...UNUSED_SERVICES,
      ...service.environment,
      ...(await writeRecipes(folder, RECIPE)),
      MEDIA_IN: mediaIn,
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
    const line = createLine(sluice.pipelineUrl, signal);
    await line.untilEmpty();

    const worked: CallsMade[] = [];
    const waiting: CallsMade[] = [];
    const notes = new Set<string>();
    for (let round = 1; round <= rounds; round += 1) {
      const encode = await encodes.begin(camera.path, 'ladder');
      const isEncoding = async () => (await encodes.look(encode)).stages['package']?.done_at === null;
      while (!(await isEncoding())) await sleep(50, undefined, { signal });
      await settleDisk(signal);
      const about = async (rows: CallsMade[], what: string) => {
        const made = await sender.ask<CallsMade>(wanted);
        rows.push(made);
        say(
          `round ${round}, ${what}: p99 of create_job ${quantile(made.createMs, 0.99).toFixed(1)} ms, of get_results ${quantile(made.resultsMs, 0.99).toFixed(1)} ms, lost ${made.lost}`,
        );
        if (!(await isEncoding())) notes.add('The encode came to its end too early (--encode-s).');
      };
      await about(worked, 'jobs that are worked on');
      await line.untilEmpty([encode]);
      await line.pause();
      await about(waiting, 'jobs that wait');
      await line.resume();
      await encodes.untilDone(encode);
      await line.untilEmpty();
    }
    say('following pieces ...');
    const piecesMs = await followPieces(sluice, wanted.address, signal);
    await line.pause();
    say('looking through the library ...');
    const seen = await measureLibrary(sluice, library, signal);

    const all = (rows: readonly CallsMade[], of: 'createMs' | 'resultsMs') =>
      rows.flatMap((made) => made[of]);
    const quantiles = (name: string, ms: readonly number[]) => ({
      [`doors.${name}_p50_ms`]: quantile(ms, 0.5),
      [`doors.${name}_p99_ms`]: quantile(ms, 0.99),
    });
    const measured: readonly (readonly [
      name: string,
      what: string,
      ms: readonly number[],
      goalMs: number,
    ])[] = [
      ['create', 'create_job', all(worked, 'createMs'), 20],
      ['results', `get_results of ${jobs}`, all(worked, 'resultsMs'), 30],
      ['waiting_create', 'create_job, the line paused', all(waiting, 'createMs'), 20],
      ['waiting_results', `get_results of ${jobs}, the line paused`, all(waiting, 'resultsMs'), 30],
      ['page', 'GraphQL: 50 assets with their jobs', seen.pageMs, 30],
      ['pieces', 'a piece, from its being there to its being told', piecesMs, 150],
    ];
    return {
      figures: {
        ...Object.assign({}, ...measured.map(([name, , ms]) => quantiles(name, ms))),
        'doors.lost': [...worked, ...waiting].reduce((sum, { lost }) => sum + lost, 0),
        'doors.scan_first_s': seen.firstS,
        'doors.scan_again_s': seen.againS,
        'doors.scan_more_mib': seen.moreMib,
      },
      goals: {
        ...Object.fromEntries(measured.map(([name, , , goalMs]) => [`doors.${name}_p99_ms`, goalMs])),
        'doors.lost': 0,
        'doors.scan_first_s': 15,
        'doors.scan_again_s': 2,
      },
      samples: {
        'doors.create_p99_ms': worked.map(({ createMs }) => quantile(createMs, 0.99)),
        'doors.results_p99_ms': worked.map(({ resultsMs }) => quantile(resultsMs, 0.99)),
        'doors.waiting_create_p99_ms': waiting.map(({ createMs }) => quantile(createMs, 0.99)),
        'doors.waiting_results_p99_ms': waiting.map(({ resultsMs }) => quantile(resultsMs, 0.99)),
      },
      rows: [
        ['what', 'p50 ms', 'p99 ms', 'most ms'],
        ...measured.map(([, what, ms]) => [
          what,
          ...[0.5, 0.99, 1].map((share) => quantile(ms, share).toFixed(1)),
        ]),
      ],
      notes: [
        `${calls} calls a round over one connection, ${perSecond} a second, while three renditions of a film are encoded. The input of the jobs is`,
        'not there: each of them is looked at and fails beside the calls, or, with the line paused, waits. Milliseconds say little where',
        'others use the machine.',
        `${library.files} files: found and registered in ${seen.firstS.toFixed(1)} s, looked through again in ${seen.againS.toFixed(1)} s; the server held ${seen.moreMib.toFixed(0)} MiB more than before at the most.`,
        ...notes,
      ],
    };
  },
};
