import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { aceKey, recordingId } from '../../src/domain/ids.ts';
import { PROCESS_NAMES } from '../../test/support/processes.ts';
import { peakMemoryMib } from '../bench/process-costs.ts';
import type { Attack, AttackStage, Line } from './attack.ts';
import { FILE_ATTACKS } from './files.ts';
import { FLOOD_ATTACKS } from './floods.ts';
import { beginUpload, sendPart, startHonestUpload } from './honest-upload.ts';
import { type AttackHouse, openAttackHouse } from './house.ts';
import { PAGE_ATTACKS } from './pages.ts';
import { send } from './request.ts';
import { DIRECT_SMUGGLING_ATTACKS, SMUGGLING_ATTACKS } from './smuggling.ts';
import { SSRF_ATTACKS } from './ssrf.ts';
import { differences, stateOf } from './state.ts';
import { UPLOAD_ATTACKS } from './uploads.ts';
import { WEBHOOK_ATTACKS } from './webhooks.ts';

const MIB = 1024 * 1024;
const GROUPS: Readonly<Record<string, readonly Attack[]>> = {
  webhooks: WEBHOOK_ATTACKS,
  uploads: UPLOAD_ATTACKS,
  files: FILE_ATTACKS,
  operators: PAGE_ATTACKS,
  smuggling: [...SMUGGLING_ATTACKS, ...DIRECT_SMUGGLING_ATTACKS],
  floods: FLOOD_ATTACKS,
  downloads: SSRF_ATTACKS,
};
const HONEST = {
  quick: { bytes: 24 * MIB, bytesPerSecond: MIB },
  full: { bytes: 256 * MIB, bytesPerSecond: 3 * MIB },
};
const COMES_HOME_MS = 60_000;
const VICTIM = 'victim';
const HONEST_ACE_ID = 'the honest lesson';

export interface AttackResult {
  readonly lines: readonly Line[];
  /** High-water marks of resident memory, in MiB, by process. */
  readonly peakMemoryMib: Readonly<Record<string, number>>;
  readonly isSafe: boolean;
  readonly durationS: number;
}

/** Attacks a Sluice of its own in every way that is known here; `say` hears each line as it comes. */
export async function runAttacks(options: {
  isQuick: boolean;
  say: (line: Line) => void;
}): Promise<AttackResult> {
  const { isQuick, say } = options;
  const startedMs = performance.now();
  const lines: Line[] = [];
  const add = (line: Line) => {
    lines.push(line);
    say(line);
  };

  const house = await openAttackHouse();
  try {
    const victim = await beginUpload(house, VICTIM, 1000);
    await sendPart(house, victim, VICTIM, (await readFile(house.allowed.path)).subarray(0, 500));
    const before = await stateOf(house);
    const honestId = recordingId(aceKey(HONEST_ACE_ID));
    const honest = await startHonestUpload(house, {
      aceId: HONEST_ACE_ID,
      ...HONEST[isQuick ? 'quick' : 'full'],
    });
    const intended = new Set([honest.id, honestId]);
    const stage: AttackStage = { house, victim, isQuick, intend: (id) => void intended.add(id) };

    for (const [group, attacks] of Object.entries(GROUPS)) {
      for (const { name, expected, run } of attacks) {
        const outcome = await run(stage).catch((error: Error) => ({
          happened: error.stack ?? '',
          isOk: false,
        }));
        add({ group, name, expected, ...outcome });
      }
    }

    const answer = await honest.finish();
    add({
      group: 'honest',
      name: 'an upload through nginx, in one request, all the while',
      expected: '204',
      happened: answer,
      isOk: answer === '204',
    });
    const state = await settled(house, honestId);
    add({
      group: 'honest',
      name: 'its recording',
      expected: 'done',
      happened: state,
      isOk: state === 'done',
    });
    for (const line of await look(house, before, [...intended])) add(line);
    return {
      lines,
      peakMemoryMib: await peaks(house),
      isSafe: lines.every(({ isOk }) => isOk),
      durationS: Math.round((performance.now() - startedMs) / 1000),
    };
  } finally {
    await house.close();
  }
}

/** Waits until nothing moves any more; the state of this recording. */
async function settled(house: AttackHouse, id: string): Promise<string> {
  for (const endMs = Date.now() + COMES_HOME_MS; ; await delay(100)) {
    const { text } = await send(
      house.pipelinePort,
      'GET',
      '/api/recordings?limit=1&state=waiting,moving,backing-off',
    );
    const isQuiet = (JSON.parse(text) as { recordings: unknown[] }).recordings.length === 0;
    const one = await send(house.pipelinePort, 'GET', `/api/recordings/${id}`);
    const { state = 'not there' } = JSON.parse(one.text) as { state?: string };
    if ((isQuiet && state === 'done') || state === 'failed' || Date.now() > endMs) return state;
  }
}

/** What the attacks have left behind. */
async function look(
  house: AttackHouse,
  before: readonly string[],
  intended: readonly string[],
): Promise<Line[]> {
  const after = await stateOf(house);
  // A video of Bunny's carries no id of ours: by the recording's facts it is known.
  const videos = after.flatMap((line) => {
    const isOurs = line.startsWith('ledger stages') && intended.some((id) => line.includes(id));
    return isOurs ? [...line.matchAll(/videoId\\*":\\*"([^"\\]+)/g)].map(([, id]) => id ?? '') : [];
  });
  const odd = differences(before, after, [...intended, ...videos]);
  const stolen = after.filter((line) => line.startsWith('b2 ') && line.includes(`:${house.secret.bytes},`));
  const logs = PROCESS_NAMES.flatMap((name) =>
    house.sluice
      .output(name)
      .split('\n')
      .filter((line) => /"event":"(bug|request\.failed|upload\.failed)"/.test(line)),
  );
  const line = (name: string, found: readonly string[]): Line => ({
    group: 'state',
    name,
    expected: 'none',
    happened:
      found.length === 0 ? 'none' : `${found.length}: ${found.slice(0, 40).join('\n    ').slice(0, 12000)}`,
    isOk: found.length === 0,
  });
  return [
    line('changes of ledger, files, B2, Bunny and website but the intended ones', odd),
    line('secret files in B2', stolen),
    line('errors that nobody foresaw, in the logs', logs),
    line('bodies on the disk of nginx', await house.nginx.bufferedFiles()),
  ];
}

async function peaks({ sluice, nginx }: AttackHouse): Promise<Record<string, number>> {
  const own = await Promise.all(
    PROCESS_NAMES.map(async (name) => [name, Math.round(await peakMemoryMib(sluice.pid(name)))] as const),
  );
  const proxies = await Promise.all((await nginx.pids()).map((pid) => peakMemoryMib(pid)));
  return { ...Object.fromEntries(own), nginx: Math.round(Math.max(...proxies)) };
}
