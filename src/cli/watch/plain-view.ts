import { byteSize } from '../../lib/byte-size.ts';
import { durationText } from '../../lib/duration-text.ts';
import { titleText } from '../recording-text.ts';
import type { Session } from '../session.ts';
import { printable } from '../text-width.ts';
import { eventText, standText } from './event-text.ts';
import type { WatchView } from './view.ts';

/** The shortest pause between two lines on how far a stage is, in milliseconds. */
const PROGRESS_PAUSE_MS = 5000;

/** A line for each thing that happens, with its time; for logs and pipes. */
export function createPlainView(session: Session): WatchView {
  const titles = new Map<string, string>();
  const saidAtMs = new Map<string, number>();
  let isLost = false;

  function say(title: string, text: string): void {
    session.print(`${new Date().toTimeString().slice(0, 8)}  ${printable(title)}  ${text}`);
  }

  return {
    stands({ status, recording }) {
      isLost = false;
      const shown = recording ?? status?.moving;
      if (shown === undefined || shown === null) return;
      titles.set(shown.id, titleText(shown));
      say(titleText(shown), standText(shown));
    },
    hear(message) {
      isLost = false;
      if (message.event === 'recording') {
        const { recording } = message.data;
        titles.set(recording.id, titleText(recording));
        say(titleText(recording), eventText(message.data));
      }
      if (message.event === 'progress') {
        const { recording_id: id, legs, encodings } = message.data;
        const far = [
          ...Object.entries(legs).map(([stage, leg]) => [
            stage,
            `${byteSize(leg.done_bytes)} of ${byteSize(leg.total_bytes)}`,
          ]),
          ...Object.entries(encodings).map(([stage, { done_s: doneS, total_s: totalS }]) => [
            stage,
            `${durationText(doneS * 1000)} of ${durationText(totalS * 1000)} encoded`,
          ]),
        ];
        for (const [stage, text] of far) {
          const key = `${id} ${stage}`;
          if (Date.now() - (saidAtMs.get(key) ?? 0) < PROGRESS_PAUSE_MS) continue;
          saidAtMs.set(key, Date.now());
          say(titles.get(id) ?? id, `${stage} ${text}`);
        }
      }
    },
    lost() {
      if (!isLost) say('Sluice', 'does not answer; looking for it');
      isLost = true;
    },
    end() {},
  };
}
