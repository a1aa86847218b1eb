import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIntake } from '../../src/desk/intake.ts';
import { KnownError } from '../../src/domain/errors.ts';
import { createZoomCatchUp } from '../../src/outside/zoom/catch-up.ts';
import { createZoomIntake } from '../../src/outside/zoom/intake.ts';
import { keyOf, meetingGroup, readMeeting } from '../../src/outside/zoom/meeting.ts';
import type { ZoomSearch } from '../../src/outside/zoom/search.ts';
import { createRecipeBook } from '../../src/recipes/book.ts';
import { loadTaskShapes } from '../../src/tasks/support/files.ts';
import { openTestLedger, type TestLedger } from '../support/ledger.ts';

const UUID = 'left==';
const meeting = readMeeting({
  uuid: UUID,
  id: 1,
  topic: 'Left',
  recording_files: [
    {
      id: 'file-1',
      file_type: 'MP4',
      recording_type: 'gallery_view',
      recording_start: '2026-01-05T09:00:00Z',
      recording_end: '2026-01-05T10:00:00Z',
      file_size: 5,
      status: 'completed',
      download_url: 'https://zoom.us/rec/1',
    },
  ],
});
if (meeting?.files[0] === undefined) throw new Error('no meeting');
const LEFT = { meetingUuid: UUID, key: keyOf(meeting, meeting.files[0]) };
const account = { id: null, secrets: [], credentials: undefined, rules: [] };
const found = { account, found: { meeting, links: [], hostId: null, downloadToken: null } };

let ledger: TestLedger;
let stopping: AbortController;

beforeEach(async () => {
  ledger = await openTestLedger();
  stopping = new AbortController();
  await leave(LEFT.key);
});
afterEach(() => ledger.close());

async function leave(...keys: string[]): Promise<void> {
  const about = {
    accountId: null,
    reason: 'rule',
    why: 'short',
    rule: 'short',
    event: 'recording.completed',
  };
  await ledger.zoom.ignored.add(keys.map((key) => ({ key, ...about, what: { meeting_uuid: UUID } })));
}

const tasks = await loadTaskShapes();

/** A process that asks a Zoom which answers like this. */
function open(find: ZoomSearch['find']) {
  const log = pino({ level: 'silent' });
  const line = { poke: () => {}, reconcile: async () => {}, hurry: () => {} };
  const intake = createZoomIntake({
    intake: createIntake({
      recordings: ledger.recordings,
      book: createRecipeBook({ tasks, kept: ledger.plans }),
      line,
      log,
    }),
    recordings: ledger.recordings,
    ignored: ledger.zoom.ignored,
    locks: ledger.locks,
    defaults: { views: 'all', companions: [], language: 'en', delayMs: 0 },
    log,
  });
  const search = { find, step: () => Promise.reject(new Error('nobody searches')) };
  return createZoomCatchUp({ search, intake, ignored: ledger.zoom.ignored, log });
}

const answers = async () => found;
const fails = (code: KnownError['code']) => () => Promise.reject(new KnownError('no', { code }));
const isHere = async () => (await ledger.recordings.ofGroup(meetingGroup(UUID))).length;
const left = async () => (await ledger.zoom.ignored.newest(10)).length;

/** Asks for it, and ends the process before Zoom has answered: in good order, or not at all. */
async function interrupt(isOrderly: boolean): Promise<void> {
  let asked: (() => void) | undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const first = open(
    (_reference, signal) =>
      new Promise((_resolve, reject) => {
        asked?.();
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  );
  const bringing = first.bring(LEFT, stopping.signal).catch(() => {});
  await isAsked;
  if (!isOrderly) return;
  stopping.abort();
  await bringing;
}

describe('what somebody wants of what was left with Zoom', () => {
  it.each([
    ['was stopped', true],
    ['has died', false],
  ])(
    'is brought by the next process if the first one %s before Zoom had answered',
    async (_name, isOrderly) => {
      await interrupt(isOrderly);
      expect(await isHere()).toBe(0);

      await open(answers).bringWanted(new AbortController().signal);

      expect(await isHere()).toBe(1);
      expect(await left()).toBe(0);
    },
  );

  it('is brought once, however often it is looked for, also while somebody waits for it', async () => {
    let asked = 0;
    const process = open(async () => {
      asked += 1;
      await process.bringWanted(stopping.signal);
      return found;
    });

    await process.bring(LEFT, stopping.signal);
    await process.bringWanted(stopping.signal);

    expect([asked, await isHere(), await left()]).toEqual([1, 1, 0]);
  });

  it('stays with Zoom once whoever asked has heard why it cannot come', async () => {
    await expect(open(fails('REMOTE_UNAVAILABLE')).bring(LEFT, stopping.signal)).rejects.toMatchObject({
      code: 'REMOTE_UNAVAILABLE',
    });

    await open(answers).bringWanted(stopping.signal);

    expect([await isHere(), await left()]).toEqual([0, 1]);
  });

  it.each([
    ['is asked for again if Zoom could not be asked', 'REMOTE_UNAVAILABLE', 1],
    ['is given up if Zoom no longer has it', 'ZOOM_RECORDING_NOT_FOUND', 0],
  ] as const)('%s', async (_name, code, here) => {
    await interrupt(true);
    const { signal } = new AbortController();
    await open(fails(code)).bringWanted(signal);

    await open(answers).bringWanted(signal);

    expect(await isHere()).toBe(here);
  });

  it('is not pushed out of the list by what is left after it', async () => {
    await interrupt(true);
    await leave(...Array.from({ length: 1100 }, (_, index) => `other ${index}`));

    await open(answers).bringWanted(new AbortController().signal);

    expect(await isHere()).toBe(1);
  });
});
