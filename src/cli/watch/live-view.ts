import { byteSize } from '../../lib/byte-size.ts';
import { durationText } from '../../lib/duration-text.ts';
import type { Encoding, Leg, News, RecordingEvent } from '../api-shapes.ts';
import { createLiveBlock } from '../live-block.ts';
import { type Paint, STATE_STYLES, type Style } from '../paint.ts';
import { titleText } from '../recording-text.ts';
import type { Session } from '../session.ts';
import { clip, padEnd, padStart, printable } from '../text-width.ts';
import { eventText, standText } from './event-text.ts';
import { createPicture, type Picture } from './picture.ts';
import type { WatchView } from './view.ts';

const MAX_BAR_WIDTH = 30;
const MIN_BAR_WIDTH = 6;
/** A leg without a byte for so long stands still, in seconds. */
const STANDING_AFTER_S = 10;
/** What stands beside a bar, in characters. */
const BESIDE_BAR = 48;
const MIN_NAME_WIDTH = 8;
const MAX_NAME_WIDTH = 24;

/** What stays on the screen, above the bars, and how it is marked. */
const MARKS: Readonly<Record<string, readonly [mark: string, style: Style]>> = {
  'recording.accepted': ['+', 'dim'],
  'recording.revived': ['+', 'dim'],
  'recording.retried': ['+', 'dim'],
  'recording.done': ['✓', 'green'],
  'recording.failed': ['✗', 'red'],
  'recording.set-aside': ['!', 'yellow'],
  'recording.cancelled': ['!', 'yellow'],
  'attempt.failed': ['!', 'yellow'],
  'attempt.postponed': ['!', 'yellow'],
  'video.playable': ['✓', 'green'],
  'video.failed': ['✗', 'red'],
};

/** Bars that are drawn over themselves, and above them a line for each thing that is worth keeping. */
export function createLiveView(session: Session, id: string | undefined): WatchView {
  const { screen, paint } = session;
  const block = createLiveBlock(screen);
  const picture = createPicture(id);
  let isLost = false;

  function draw(): void {
    const width = Math.max(20, screen.columns - 1);
    const lines = recordingLines(picture, width, paint);
    const lost = paint('yellow', clip('Sluice does not answer; looking for it …', width));
    const around = id === undefined ? [headline(picture.news, width, paint)] : [];
    block.draw([...(isLost ? [lost] : around), ...lines]);
  }

  return {
    stands(state) {
      isLost = false;
      picture.stands(state);
      draw();
    },
    hear(message) {
      isLost = false;
      if (message.event === 'recording') {
        picture.hearEvent(message.data);
        const line = keptLine(message.data, paint);
        if (line !== undefined) block.say([line]);
      }
      if (message.event === 'progress') picture.hearProgress(message.data);
      if (message.event === 'status') picture.hearNews(message.data);
      draw();
    },
    lost() {
      isLost = true;
      draw();
    },
    end: block.end,
  };
}

function keptLine(event: RecordingEvent, paint: Paint): string | undefined {
  const [mark, style] = MARKS[event.type] ?? [];
  if (mark === undefined) return undefined;
  const time = new Date(event.at).toTimeString().slice(0, 8);
  return `${paint(style, mark)} ${paint('dim', time)} ${printable(titleText(event.recording))}  ${eventText(event)}`;
}

/** How all stands, in one line. */
function headline({ counts, paused, disk, troubles, line }: News, width: number, paint: Paint): string {
  const waiting = (counts?.['waiting'] ?? 0) + (counts?.['backing-off'] ?? 0);
  const parts = [
    `${waiting} waiting`,
    line?.left_s ? `${durationText(line.left_s * 1000)} left in all` : '',
    counts?.['failed'] ? `${counts['failed']} failed` : '',
    disk === undefined ? '' : `${byteSize(Math.max(0, disk.free_bytes - disk.reserve_bytes))} of disk left`,
    troubles?.[0]?.title ?? '',
    paused ? 'paused' : '',
  ];
  return paint('dim', clip(parts.filter(Boolean).join(' · '), width));
}

function recordingLines({ recording, legs, encodings }: Picture, width: number, paint: Paint): string[] {
  if (recording === undefined) return ['Nothing moves.'];
  const stand = standText(recording);
  const title = clip(printable(titleText(recording)), Math.max(8, width - Math.min(stand.length, 40) - 2));
  const lines = [`${paint('bold', title)}  ${paint(STATE_STYLES[recording.state], clip(stand, 40))}`];
  if (recording.state !== 'moving') return lines;
  const planned = recording.steps.filter(({ reports }) => reports !== null).map(({ id }) => id);
  const names = [...new Set([...planned, ...Object.keys(legs), ...Object.keys(encodings)])];
  const longest = Math.max(MIN_NAME_WIDTH, ...names.map(({ length }) => length));
  const nameWidth = Math.min(MAX_NAME_WIDTH, longest);
  return [
    ...lines,
    ...names.map((name) => {
      const pace = paceOf(legs[name], encodings[name]);
      return paceLine(padEnd(clip(name, nameWidth), nameWidth), pace, width, paint);
    }),
  ];
}

/** How far a step is, in words. */
interface Pace {
  readonly share: number;
  /** How much it has behind it, and of how much. */
  readonly done: string;
  /** How fast it is; `undefined` while it is not. */
  readonly speed: string | undefined;
  readonly leftS: number | null;
  readonly idleS: number;
  /** What it has none of for so long. */
  readonly what: string;
}

/** By the bytes of a step, or else by what it has encoded. */
function paceOf(leg: Leg | undefined, encoding: Encoding | undefined): Pace | undefined {
  const shareOf = (done: number, total: number) => (total > 0 ? Math.min(1, done / total) : 0);
  if (encoding !== undefined) {
    const { done_s: doneS, total_s: totalS, speed, left_s: leftS, idle_s: idleS } = encoding;
    const [done, total] = [doneS, totalS].map((seconds) => durationText(seconds * 1000));
    return {
      share: shareOf(doneS, totalS),
      done: totalS > 0 ? `${done} of ${total}` : `${done} so far`,
      speed: speed > 0 ? `${speed.toFixed(1)}×` : undefined,
      leftS,
      idleS,
      what: 'no picture',
    };
  }
  if (leg === undefined) return undefined;
  const {
    done_bytes: doneBytes,
    total_bytes: totalBytes,
    bytes_per_s: speed,
    left_s: leftS,
    idle_s: idleS,
  } = leg;
  return {
    share: shareOf(doneBytes, totalBytes),
    done:
      totalBytes > 0 ? `${byteSize(doneBytes)} of ${byteSize(totalBytes)}` : `${byteSize(doneBytes)} so far`,
    speed: speed > 0 ? `${byteSize(speed)}/s` : undefined,
    leftS,
    idleS,
    what: 'no bytes',
  };
}

function paceLine(name: string, pace: Pace | undefined, width: number, paint: Paint): string {
  const label = `  ${name}`;
  const roomWidth = width - name.length - BESIDE_BAR;
  const barWidth = Math.max(MIN_BAR_WIDTH, Math.min(MAX_BAR_WIDTH, roomWidth));
  if (pace === undefined) return `${label}${paint('dim', '░'.repeat(barWidth))}`;
  const { share, done, speed, leftS, idleS, what } = pace;
  const isStanding = share < 1 && idleS >= STANDING_AFTER_S;
  const full = Math.round(share * barWidth);
  const bar =
    paint(share < 1 ? 'cyan' : 'green', '█'.repeat(full)) + paint('dim', '░'.repeat(barWidth - full));
  const isMoving = share < 1 && speed !== undefined;
  const facts = [
    padStart(`${Math.floor(share * 100)} %`, 5),
    done,
    isStanding ? `${what} for ${durationText(idleS * 1000)}` : '',
    isMoving ? speed : '',
    isMoving && leftS !== null ? `${durationText(leftS * 1000)} left` : '',
  ];
  const beside = clip(facts.filter(Boolean).join('  '), Math.max(6, width - label.length - barWidth - 1));
  return `${label}${bar} ${beside}`;
}
