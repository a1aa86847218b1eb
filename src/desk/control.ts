import type { Logger } from 'pino';
import { ERROR_CATALOGUE } from '../domain/error-catalogue.ts';
import { KnownError } from '../domain/errors.ts';
import { readersOf, type TaskShapes } from '../domain/recipe.ts';
import { type Recording, UNFINISHED_STATES } from '../domain/recording.ts';
import type { RecordingSummary } from '../domain/recording-summary.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Alike } from '../ledger/operator.ts';
import type { NamedOutput, Stopped } from '../ledger/output-acts.ts';
import type { Accepted } from '../ledger/recordings.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { Line } from '../queue/line.ts';
import type { RecipeBook } from '../recipes/book.ts';
import type { Intake } from './intake.ts';
import type { AddressedPlaces } from './output-addresses.ts';
import type { PresetBook } from './presets.ts';
import { noSuchDelivery } from './query.ts';
import { noSuchRecording } from './recording-details.ts';
import { type InputDesk, type NewRun, startRun } from './runs.ts';

/** How many are tried again in one step of the ledger, and how many announcements are read at once. */
const BATCH = 200;

/** A time that is past by less may be one to come, by the caller's clock. */
const CLOCKS_DIFFER_MS = 60_000;

/**
 * What a person does with recordings, by the name that the history says. Each is done, or is so already; the answer is how
 * the recording stands.
 *
 * @throws KnownError `NOT_FOUND` where there is no such recording, `WRONG_STATE` where it is not in a state for that
 */
export interface Deeds {
  /** It goes on at once, its attempts counted anew. */
  retry(id: string): Promise<RecordingSummary>;
  /** It stops for good, and what it has made is taken back. */
  cancel(id: string): Promise<RecordingSummary>;
  /**
   * One output of it is made after all, its attempts counted anew; a recording that was over goes on for that.
   *
   * @throws KnownError `NOT_FOUND` where it has no such output; `WRONG_STATE` while that is being taken back
   */
  retryOutput(id: string, step: string): Promise<RecordingSummary>;
  /**
   * One output of it is not to be: it stops, and what was made of it is removed. The others go on.
   *
   * @throws KnownError `NOT_FOUND` where it has no such output
   */
  revokeOutput(id: string, step: string): Promise<RecordingSummary>;
  /**
   * The same of one that is not over yet: how it stands.
   *
   * @throws KnownError `NOT_FOUND` where it has no such output
   */
  stopOutput(id: string, step: string): Promise<Stopped>;
  /** It leaves the line with all that it has reached, until it is retried. */
  setAside(id: string): Promise<RecordingSummary>;
  /** It goes before all others that wait. */
  moveToFront(id: string): Promise<RecordingSummary>;
  /** Its archived file is published once more. */
  publishAgain(id: string): Promise<RecordingSummary>;
  /**
   * It does not move before a time.
   *
   * @param notBefore ISO 8601; `null`: as soon as its turn comes
   * @throws KnownError `REQUEST_INVALID` for a time that is past
   */
  schedule(id: string, notBefore: string | null): Promise<RecordingSummary>;
  /** It gets another title, which is clean already: here, with its publisher and on the website. */
  rename(id: string, title: string): Promise<RecordingSummary>;
  /**
   * All that was brought home of it is removed everywhere. This cannot be undone.
   *
   * @param how.withCompanions What belongs to it goes with it.
   */
  delete(id: string, how: { readonly withCompanions: boolean }): Promise<RecordingSummary>;
  /**
   * Lets all go on that stand alike, their attempts counted anew; returns how many.
   *
   * @throws KnownError `REQUEST_INVALID` for a code that there is not
   */
  retryAlike(like: Alike): Promise<number>;
  /** No recording begins to move. */
  pauseLine(): Promise<void>;
}

/** All that a door may do with what is here already. */
export interface Control {
  as(name: string): Deeds;
  resumeLine(): Promise<void>;
  /** The website that answered 410 wants to hear again: all that it has not heard is sent to it. */
  tellSiteAgain(): Promise<void>;
  /**
   * Sends an announcement again, with its id and body.
   *
   * @throws KnownError `NOT_FOUND`
   */
  replay(deliveryId: string): Promise<void>;
  /** Has a video looked at now; `false` if it is not watched, or playable already. */
  lookAtVideo(videoId: string): Promise<boolean>;
  /** @throws KnownError what `startRun` throws */
  startRun(run: NewRun): Promise<Accepted>;
  readonly presets: Pick<PresetBook, 'create' | 'change' | 'remove'>;
  /**
   * Forgets a host that will not come back.
   *
   * @throws KnownError `NOT_FOUND`; `WRONG_STATE` where it is heard of
   */
  forgetHost(id: string): Promise<void>;
}

export function createControl(options: {
  readonly ledger: Pick<
    Ledger,
    'hosts' | 'operator' | 'overview' | 'recordings' | 'switches' | 'deliveries' | 'watches'
  >;
  readonly intake: Intake;
  readonly book: Pick<RecipeBook, 'require' | 'planOf'>;
  readonly presets: Omit<PresetBook, 'all' | 'get'>;
  readonly tasks: TaskShapes;
  readonly inputs: InputDesk;
  readonly outputPlaces: AddressedPlaces;
  readonly lines: DeskLines;
  readonly onAsked: (recordingId: string) => void;
  readonly log: Logger;
}): Control {
  const { ledger, lines, log } = options;
  const { hosts, operator, overview, recordings, switches, deliveries, watches } = ledger;

  /** How it stands once something was done, of which the lines hear, and who moves it. */
  async function standing(id: string, isKnown: boolean): Promise<RecordingSummary> {
    if (isKnown) options.onAsked(id);
    const summary = (await overview.summaries([id]))[0];
    if (!isKnown || summary === undefined) throw noSuchRecording(id);
    // Whatever has become possible is begun when the line hears of it, now or when Redis is back.
    (lines.lanes?.get(summary.recording.lane ?? '') ?? lines.recordings).hurry(id);
    for (const other of await companionsUnderWay(summary.recording)) lines.recordings.hurry(other.id);
    lines.deliveries.poke();
    lines.runWebhooks.poke();
    return summary;
  }

  /** What belongs to a recording and may go on with it. */
  async function companionsUnderWay({ kind, groupKey }: Recording): Promise<Recording[]> {
    if (kind !== 'video' || groupKey === null) return [];
    const group = await recordings.ofGroup(groupKey);
    return group.filter((each) => each.kind === 'companion' && UNFINISHED_STATES.includes(each.state));
  }

  /** @throws KnownError `NOT_FOUND` */
  async function outputOf(id: string, step: string): Promise<NamedOutput> {
    const recording = await recordings.get(id);
    if (recording === undefined) throw noSuchRecording(id);
    const plan = await options.book.planOf(recording);
    const outputs = plan.steps.filter(({ task }) => options.tasks.get(task)?.makesOutputs === true);
    if (outputs.some((each) => each.id === step)) return { step, readers: readersOf(plan, step) };
    const names = outputs.map((each) => `"${each.id}"`).join(', ');
    throw new KnownError(
      `The recording ${id} has no output "${step}": ${names === '' ? 'its recipe makes none' : `there are ${names}`}`,
      { code: 'NOT_FOUND' },
    );
  }

  async function replay(id: string): Promise<boolean> {
    const isKnown = await deliveries.replay(id);
    const url = (await deliveries.get(id))?.url ?? null;
    if (isKnown) (url === null ? lines.deliveries : lines.runWebhooks).hurry(id);
    return isKnown;
  }

  function deedsOf(name: string): Deeds {
    const named = operator.as(name);

    async function done(deed: string, id: string, isKnown: boolean, more: object = {}) {
      log.info({ event: `operator.${deed}`, recordingId: id, by: name, ...more }, 'operator acts');
      return await standing(id, isKnown);
    }

    return {
      retry: async (id) => await done('retry', id, await named.retry(id)),
      cancel: async (id) => await done('cancel', id, await named.cancel(id)),
      async retryOutput(id, step) {
        const output = await outputOf(id, step);
        return await done('retry-output', id, await named.retryOutput(id, output), { step });
      },
      async revokeOutput(id, step) {
        const output = await outputOf(id, step);
        return await done('revoke-output', id, await named.revokeOutput(id, output), { step });
      },
      async stopOutput(id, step) {
        const stopped = await named.stopOutput(id, await outputOf(id, step));
        await done('stop-output', id, stopped !== undefined, { step, stopped });
        if (stopped === undefined) throw noSuchRecording(id);
        return stopped;
      },
      setAside: async (id) => await done('set-aside', id, await named.setAside(id)),
      moveToFront: async (id) => await done('move-to-front', id, await named.moveToFront(id)),
      publishAgain: async (id) => await done('publish-again', id, await named.publishAgain(id)),
      rename: async (id, title) => await done('rename', id, await named.rename(id, title)),
      delete: async (id, how) => await done('delete', id, await named.delete(id, how), how),

      async schedule(id, notBefore) {
        const notBeforeMs = notBefore === null ? 0 : Date.parse(notBefore);
        if (notBeforeMs !== 0 && notBeforeMs < wallMs() - CLOCKS_DIFFER_MS) {
          const message = `not_before: ${notBefore} is in the past; null lets it go as soon as its turn comes`;
          throw new KnownError(message, { code: 'REQUEST_INVALID' });
        }
        return await done('schedule', id, await named.schedule(id, notBeforeMs), { notBeforeMs });
      },

      async retryAlike(like) {
        const { code } = like;
        if (code !== undefined && !Object.hasOwn(ERROR_CATALOGUE, code)) {
          throw new KnownError(`code: there is no ${code}; docs/errors.md has all`, {
            code: 'REQUEST_INVALID',
          });
        }
        let retried = 0;
        for (;;) {
          const ids = await named.retryAlike(like, BATCH);
          // The line hears of the first; long before their turn is over it has found the others by itself.
          if (retried === 0) for (const id of ids) lines.recordings.hurry(id);
          retried += ids.length;
          if (ids.length < BATCH) break;
        }
        log.info({ event: 'operator.retry-alike', ...like, retried, by: name }, 'operator acts');
        return retried;
      },

      pauseLine: () => switches.set('line.paused', `by ${name}`),
    };
  }

  return {
    as: deedsOf,
    resumeLine: () => switches.clear('line.paused'),

    async tellSiteAgain() {
      await switches.clear('site.gone');
      for (let afterSeq = 0; ; ) {
        const page = await deliveries.pending(afterSeq, BATCH);
        for (const { id } of page) await replay(id);
        afterSeq = page.at(-1)?.seq ?? afterSeq;
        if (page.length < BATCH) break;
      }
    },

    async replay(id) {
      if (!(await replay(id))) throw noSuchDelivery(id);
    },

    async lookAtVideo(videoId) {
      const isWatched = await watches.hurry(videoId);
      if (isWatched) lines.watches.hurry(videoId);
      return isWatched;
    },

    startRun: (run) => startRun({ ...options, recordings }, run),
    presets: options.presets,

    async forgetHost(id) {
      const outcome = await hosts.forget(id);
      if (outcome === 'unknown') throw new KnownError(`There is no host "${id}"`, { code: 'NOT_FOUND' });
      if (outcome === 'alive') {
        throw new KnownError(`The host "${id}" is heard of: stop Sluice there first`, {
          code: 'WRONG_STATE',
        });
      }
      log.info({ event: 'host.forgotten', host: id }, 'a host was forgotten');
    },
  };
}

/** The lines that hear of what was done. */
export type DeskLines = Readonly<
  Record<'recordings' | 'deliveries' | 'runWebhooks' | 'watches', Pick<Line, 'hurry' | 'poke'>>
> & {
  /** Those of the lanes beside the first. */
  readonly lanes?: ReadonlyMap<string, Pick<Line, 'hurry' | 'poke' | 'reconcile'>>;
};
