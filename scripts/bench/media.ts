import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as packaging from '../../src/tasks/package.ts';
import { lookInto } from '../../src/tasks/support/look-into.ts';
import { planPackage } from '../../src/tasks/support/package-plan.ts';
import { realFfmpeg, realFfprobe } from '../../test/support/media-bench.ts';
import type { Bench } from './bench.ts';
import { createFileRuns, type FileRun, writeRecipes } from './file-runs.ts';
import { drawFilms, drawLargeFilm, type Film, repeatFilm } from './films.ts';
import { measureBeside } from './media-beside.ts';
import { peakMemoryMib } from './process-costs.ts';
import { startS3Service } from './s3-service.ts';
import { steer } from './simulated-services.ts';
import { makeFolder, startSluice } from './sluice.ts';
import { median, spread } from './statistics.ts';
import { type Cost, timeProgram } from './timed-program.ts';
import { twoCommands } from './two-commands.ts';
import { UNUSED_SERVICES } from './unused-services.ts';

const MIB = 1024 * 1024;

/** The upload takes this share of the time that the encoding takes. */
const UPLOAD_SHARE = 0.6;

/** With the niceness that the worker gives it, so that what else the machine does is in the way of both alike. */
const NICE_FFMPEG = ['-n', '10', 'ionice', '-t', '-c', '3', 'ffmpeg', '-nostdin', '-v', 'error'];

/** How long what is packaged otherwise is, in lengths of the film: a start costs the same, however little there is to do. */
const LENGTHS = { half: 0.5, long: 5 } as const;

/** What is made of a film, by the name of its recipe: the parameters of its step. */
const PACKAGES = {
  ladder: { ladder: ['R_720P', 'R_480P', 'R_360P', 'R_240P', 'R_144P'], top: 'encode' },
  three: { ladder: ['R_720P', 'R_480P', 'R_240P'], top: 'encode' },
  copy: {},
  remux: { ladder: 'top' },
} as const;
type Made = keyof typeof PACKAGES;

const RECIPES = [
  'recipes:',
  ...Object.entries(PACKAGES).map(([name, params]) =>
    [
      `  - name: ${name}`,
      '    steps:',
      '      - { id: fetch, task: fetch }',
      `      - { id: package, task: package, takes: { file: fetch.file }, params: ${JSON.stringify(params)} }`,
      '      - { id: cleanup, task: cleanup, after: package }',
    ].join('\n'),
  ),
  '',
].join('\n');

/** What one film of a round has given. */
interface Round {
  readonly byHand: Cost & { readonly bytes: number };
  /** The ladder of the film, three renditions and a copied one with two of its half, and of five times its length a copy. */
  readonly ours: Readonly<Record<Made, FileRun>>;
  /** How long the upload of the ladder took alone, by its bytes and its link, in milliseconds. */
  readonly uploadMs: number;
  /** Two commands and the ladder, of half of the film; in the first round. */
  readonly peer: { readonly theirs: Cost & { readonly bytes: number }; readonly ours: FileRun } | undefined;
}

/** What a package of a film costs: against ffmpeg by hand, against two commands, and with the film copied. */
export const media: Bench = {
  name: 'media',
  description: 'packages of films: CPU time against ffmpeg by hand, memory, the doors beside an encode',
  settings: {
    'film-s': 'length of a film, in seconds (default 120)',
    'overlap-mib': 'size of the recording that is brought home beside an encode (default 256)',
    'link-mb-per-s': "speed of each service's link for that one (default 25)",
    webhooks: 'how many come beside an encode (default 2000)',
    'per-second': 'how many of them in a second (default 200)',
  },
  rounds: 2,
  async run(context) {
    const { rounds, say, setting, signal } = context;
    const filmS = setting('film-s', 120);
    const folder = await makeFolder(context);
    say('drawing the films ...');
    const films = await drawFilms(folder, filmS, signal);
    const service = await startS3Service(context);
    const settings = {
      ...service.environment,
      ...(await writeRecipes(folder, RECIPES)),
      MEDIA_OUT: `s3://${service.bucket}/media`,
    };
    const sluice = await startSluice(context, { ...UNUSED_SERVICES, ...settings });
    const runs = createFileRuns(sluice, folder, signal);
    const limitLink = (bytesPerSecond: number | null) =>
      steer('PUT', `${service.url}/__sim/link`, { bytesPerSecond });

    /** The command that a package is made with, without anything around it. */
    async function byHand({ path }: Film): Promise<Cost & { bytes: number }> {
      const { file, args } = await lookInto({ ffmpeg: realFfmpeg(), ffprobe: realFfprobe() }, path, signal);
      const { before, behind } = planPackage(file, wishesOf('ladder'), undefined);
      return await inFolder(join(folder, 'by-hand'), (own) =>
        timeProgram('nice', [...NICE_FFMPEG, '-y', ...before, ...args, ...behind], signal, { folder: own }),
      );
    }

    async function byTwoCommands(path: string): Promise<Cost & { bytes: number }> {
      return await inFolder(join(folder, 'peer'), async (own) => {
        const { hls, dash } = twoCommands(path, own);
        const one = await timeProgram('ffmpeg', hls, signal, { folder: own });
        const other = await timeProgram('ffmpeg', dash, signal, { folder: own });
        return { wallMs: one.wallMs + other.wallMs, cpuS: one.cpuS + other.cpuS };
      });
    }

    async function measure(kind: string, film: Film, isFirst: boolean): Promise<Round> {
      const part = (name: keyof typeof LENGTHS) => join(folder, `${kind}-${name}.mp4`);
      const note = (what: string, { cpuS, wallMs }: Cost) =>
        say(`${kind}, ${what}: ${cpuS.toFixed(2)} s of CPU in ${(wallMs / 1000).toFixed(1)} s`);
      const hand = await byHand(film);
      note('ffmpeg by hand', hand);
      const bytesPerSecond = Math.ceil(hand.bytes / ((UPLOAD_SHARE * hand.wallMs) / 1000));
      await limitLink(bytesPerSecond);
      const ladder = await runs.run(film.path, 'ladder');
      note('five renditions', ladder);
      await limitLink(null);
      const ours: Partial<Record<Made, FileRun>> = { ladder };
      for (const name of ['three', 'copy'] as const) {
        ours[name] = await runs.run(part('half'), name);
        note(
          `half of it, ${name === 'three' ? 'three renditions' : 'copied with two renditions'}`,
          ours[name],
        );
      }
      ours.remux = await runs.run(part('long'), 'remux');
      note(`${LENGTHS.long} times as long, copied alone`, ours.remux);
      let peer: Round['peer'];
      if (isFirst) {
        const half = await runs.run(part('half'), 'ladder');
        note('half of it, five renditions', half);
        peer = { ours: half, theirs: await byTwoCommands(part('half')) };
        note('half of it, two commands', peer.theirs);
      }
      const uploadMs = (1000 * bytesOf(ladder)) / bytesPerSecond;
      return { byHand: hand, ours: ours as Record<Made, FileRun>, uploadMs, peer };
    }

    // A first time, so that no round pays for what only the first one meets.
    await runs.run(
      (await repeatFilm(films.slides.path, join(folder, 'short.mp4'), 2, signal)).path,
      'ladder',
    );
    const measured: Record<string, Round[]> = { camera: [], slides: [] };
    for (const [kind, film] of Object.entries(films)) {
      for (const [name, length] of Object.entries(LENGTHS)) {
        await repeatFilm(film.path, join(folder, `${kind}-${name}.mp4`), length * filmS, signal);
      }
      for (let round = 1; round <= rounds; round += 1) {
        say(`round ${round}`);
        measured[kind]?.push(await measure(kind, film, round === 1));
      }
    }
    const large = await drawLargeFilm(folder, filmS, signal);
    say(`4K, copied alone: ${(await runs.run(large.path, 'remux')).cpuS.toFixed(2)} s of CPU`);
    const workerPeakMib = await peakMemoryMib(sluice.pid('worker'));
    const beside = await measureBeside(context, {
      film: join(folder, 'camera-long.mp4'),
      recipe: 'ladder',
      settings,
    });

    const samples: Record<string, number[]> = {};
    const worst: Record<string, number> = {};
    for (const [kind, list] of Object.entries(measured)) {
      for (const [name, ratio] of Object.entries(RATIOS)) {
        const values = list.flatMap((round) => ratio(round) ?? []);
        samples[`media.${kind}_${name}`] = values;
        worst[`media.${name}`] = Math.max(worst[`media.${name}`] ?? 0, median(values));
      }
    }
    const all = Object.values(measured).flat();
    const ffmpegPeakMib = (made: Made) =>
      Math.max(...all.map(({ ours }) => ffmpegOf(ours[made]).peak_rss_bytes / MIB));
    return {
      figures: {
        ...worst,
        ...Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)])),
        'media.worker_peak_mib': Math.max(workerPeakMib, beside.workerPeakMib),
        'media.ffmpeg_ladder_peak_mib': ffmpegPeakMib('ladder'),
        'media.ffmpeg_copy_peak_mib': ffmpegPeakMib('copy'),
        'media.ffmpeg_remux_peak_mib': ffmpegPeakMib('remux'),
        ...beside.figures,
      },
      goals: GOALS,
      samples: { ...samples, ...beside.samples },
      rows: [
        ['what is made', 'film', 'CPU s per minute', 'min..max', 'seconds', 'MiB of it'],
        ...Object.entries(measured).flatMap(([kind, list]) => rowsOf(kind, list, filmS)),
      ],
      notes: [
        `Films of ${filmS} s, 1280x720, 25 frames per second. CPU is user and system time: of the worker and all that it starts, from before the`,
        'file was named to it until its package lies in S3 and is proved; by hand and two commands: of ffmpeg. These ratios hold on a busy machine.',
        `wall_ratio: five renditions over a link on which their upload takes ${UPLOAD_SHARE} of the time that ffmpeg takes by hand, over that`,
        'time. It and all milliseconds say little where others use the machine. A figure without a film is that of the worse one.',
        ...beside.notes,
      ],
    };
  },
};

/** What the figures are to be at most. */
const GOALS = {
  'media.cpu_ratio': 1.03,
  'media.wall_ratio': 1.1,
  'media.peer_cpu_ratio': 0.25,
  'media.peer_bytes_ratio': 0.35,
  'media.copy_ratio': 0.6,
  'media.remux_ratio': 0.02,
  'media.worker_peak_mib': 150,
  'media.ffmpeg_ladder_peak_mib': 311,
  'media.ffmpeg_copy_peak_mib': 201,
  'media.ffmpeg_remux_peak_mib': 60,
  'media.doors_p99_ms': 100,
  'media.overlap_ratio': 1.1,
};

/** What is told of a film, by the name of its figure; nothing where a round has not measured it. */
const RATIOS: Readonly<Record<string, (round: Round) => number | undefined>> = {
  cpu_ratio: ({ byHand, ours }) => ours.ladder.cpuS / byHand.cpuS,
  beside_ffmpeg_s: ({ ours }) => ours.ladder.cpuS - ffmpegOf(ours.ladder).cpu_s,
  wall_ratio: ({ byHand, ours, uploadMs }) =>
    ours.ladder.stepMs('package') / Math.max(byHand.wallMs, uploadMs),
  peer_cpu_ratio: ({ peer }) => peer && peer.ours.cpuS / peer.theirs.cpuS,
  peer_bytes_ratio: ({ peer }) => peer && bytesOf(peer.ours) / peer.theirs.bytes,
  copy_ratio: ({ ours }) => ours.copy.cpuS / ours.three.cpuS,
  remux_ratio: ({ ours }) => ours.remux.cpuS / LENGTHS.long / (ours.three.cpuS / LENGTHS.half),
};

function rowsOf(kind: string, list: readonly Round[], filmS: number): string[][] {
  const minutes = filmS / 60;
  const row = (what: string, costs: readonly Cost[], bytes: readonly number[], length = 1) => {
    const perMinute = spread(costs.map(({ cpuS }) => cpuS / minutes / length));
    const seconds = median(costs.map(({ wallMs }) => wallMs / 1000)).toFixed(1);
    return [what, kind, ...perMinute, seconds, (median(bytes) / MIB).toFixed(1)];
  };
  const made = (what: string, name: Made, length?: number) => {
    const own = list.map(({ ours }) => ours[name]);
    return row(what, own, own.map(bytesOf), length);
  };
  const peers = list.flatMap(({ peer }) => peer ?? []);
  const hands = list.map(({ byHand }) => byHand);
  const two = peers.map(({ theirs }) => theirs);
  const beside = peers.map(({ ours }) => ours);
  return [
    row(
      'five renditions, ffmpeg by hand',
      hands,
      hands.map(({ bytes }) => bytes),
    ),
    made('five renditions', 'ladder'),
    row(
      'half, two commands',
      two,
      two.map(({ bytes }) => bytes),
      LENGTHS.half,
    ),
    row('half, five renditions', beside, beside.map(bytesOf), LENGTHS.half),
    made('half, three renditions', 'three', LENGTHS.half),
    made('half, copied and two renditions', 'copy', LENGTHS.half),
    made(`${LENGTHS.long} times as long, copied alone`, 'remux', LENGTHS.long),
  ];
}

function wishesOf(made: Made) {
  return { ...packaging.shape.params.parse(PACKAGES[made]), wrapping: 'fmp4' } as const;
}

function bytesOf(run: FileRun): number {
  return Number(run.fact('package')['bytes']);
}

/** What ffmpeg says of itself. */
function ffmpegOf(run: FileRun): { readonly cpu_s: number; readonly peak_rss_bytes: number } {
  return run.fact('package')['cost'] as { cpu_s: number; peak_rss_bytes: number };
}

/** Does something in a new folder, and says how much is in it afterwards. */
async function inFolder<T>(path: string, work: (path: string) => Promise<T>): Promise<T & { bytes: number }> {
  await mkdir(path);
  try {
    const done = await work(path);
    const sizes = (await readdir(path)).map(async (name) => (await stat(join(path, name))).size);
    return { ...done, bytes: (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) };
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}
