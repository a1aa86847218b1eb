import { useEffect, useRef, useState } from 'preact/hooks';
import { formatDuration, formatExact, formatTime } from '../shared/format.ts';
import { useNow } from './parts.tsx';
import { layOut, type Stretch } from './timeline.ts';
import type { AttemptView, RecordingDetail } from './types.ts';
import { stepWords } from './words.ts';

/** How wide the names of steps are at least and at most, and a letter of one. */
const LABEL_WIDTH = { min: 76, max: 200, letter: 7 };
const ROW = 26;
const TOP = 30;

export const OUTCOME_WORDS: Readonly<Record<AttemptView['outcome'], string>> = {
  running: 'goes on',
  done: 'succeeded',
  failed: 'failed',
  postponed: 'postponed',
  interrupted: 'interrupted',
  'handed-over': 'goes on in another lane',
};

/** When each stage and attempt ran, and the waits between; the same is told by the table below it. */
export function TimelineChart({ detail }: { detail: RecordingDetail }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const isRunning = detail.attempts.at(-1)?.outcome === 'running';
  const nowMs = useNow(isRunning ? 1000 : 30_000);
  useEffect(() => {
    if (box.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  return (
    <div class="timeline" ref={box}>
      {width > 0 && <Drawing detail={detail} width={width} nowMs={nowMs} />}
    </div>
  );
}

function Drawing({ detail, width, nowMs }: { detail: RecordingDetail; width: number; nowMs: number }) {
  const stages = stagesOf(detail);
  const words = stages.map((stage) => stepWords(detail.steps, stage));
  const longest = Math.max(0, ...words.map(({ length }) => length)) * LABEL_WIDTH.letter;
  const labelWidth = Math.min(LABEL_WIDTH.max, Math.max(LABEL_WIDTH.min, longest));
  const timeline = layOut(detail, width - labelWidth, nowMs);
  const height = TOP + Math.max(1, stages.length) * ROW + 24;
  const bottom = height - 20;
  const first = timeline.stretches[0];
  const last = timeline.stretches.at(-1);
  return (
    <svg width={width} height={height} role="img" aria-label={summaryOf(detail, nowMs)}>
      <defs>
        <pattern
          id="waiting"
          width="6"
          height="6"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <line x1="0" y1="0" x2="0" y2="6" class="hatch" />
        </pattern>
      </defs>
      {stages.map((stage, row) => (
        <text key={stage} class="stage" x={0} y={TOP + row * ROW + 17}>
          {words[row]}
        </text>
      ))}
      <g transform={`translate(${labelWidth} 0)`}>
        {timeline.stretches.map((stretch) => (
          <Band key={stretch.fromMs} stretch={stretch} detail={detail} bottom={bottom} />
        ))}
        {detail.attempts.flatMap((attempt, index) =>
          attempt.stages.map((each) => {
            const row = stages.indexOf(each.stage);
            const stretch = timeline.stretches.find((one) => one.index === index);
            const endMs = each.done_at === null ? (stretch?.toMs ?? nowMs) : Date.parse(each.done_at);
            const x = timeline.xOf(Date.parse(each.started_at));
            const kind =
              each.done_at !== null ? 'done' : attempt.outcome === 'running' ? 'running' : 'broken';
            return (
              <rect
                key={`${index} ${each.stage} ${each.started_at}`}
                class={`stage-bar ${kind}`}
                x={x}
                y={TOP + row * ROW + 5}
                width={Math.max(3, timeline.xOf(endMs) - x)}
                height={ROW - 10}
                rx={4}
              >
                <title>
                  {words[row]}, {formatDuration(endMs - Date.parse(each.started_at))}
                  {kind === 'broken' ? ', not finished' : ''}
                </title>
              </rect>
            );
          }),
        )}
        {first && (
          <text class="tick" x={0} y={height - 4}>
            {formatTime(new Date(first.fromMs))}
          </text>
        )}
        {last && last !== first && (
          <text class="tick" x={width - labelWidth} y={height - 4} text-anchor="end">
            {formatTime(new Date(last.toMs))}
          </text>
        )}
      </g>
    </svg>
  );
}

/** The steps that any attempt has begun, in the order of the plan; behind them those that it no longer has. */
function stagesOf({ attempts, steps }: RecordingDetail): string[] {
  const begun = new Set(attempts.flatMap((attempt) => attempt.stages.map(({ stage }) => stage)));
  const planned = steps.map(({ id }) => id).filter((id) => begun.has(id));
  return [...new Set([...planned, ...begun])];
}

function Band({ stretch, detail, bottom }: { stretch: Stretch; detail: RecordingDetail; bottom: number }) {
  const { kind, x, width, fromMs, toMs, index } = stretch;
  const attempt = index === undefined ? undefined : detail.attempts[index];
  const words = formatDuration(toMs - fromMs);
  const title =
    attempt === undefined
      ? `Waited ${words} from ${formatExact(new Date(fromMs))}`
      : `Attempt ${attempt.number} ${OUTCOME_WORDS[attempt.outcome]} after ${words}`;
  // About six pixels per letter; what does not fit is in the title.
  const fits = width > words.length * 6 + 6;
  return (
    <g>
      <title>{title}</title>
      <rect
        class={`band ${kind} ${attempt?.outcome ?? ''}`}
        x={x + 1}
        y={TOP}
        width={Math.max(1, width - 2)}
        height={bottom - TOP}
        rx={4}
        fill={kind === 'wait' ? 'url(#waiting)' : undefined}
      />
      {attempt && (
        <rect
          class={`head ${attempt.outcome}`}
          x={x + 1}
          y={TOP - 6}
          width={Math.max(1, width - 2)}
          height={4}
          rx={2}
        />
      )}
      {fits && (
        <text class="tick" x={x + width / 2} y={TOP - 12} text-anchor="middle">
          {kind === 'wait' && width > words.length * 6 + 46 ? `waited ${words}` : words}
        </text>
      )}
    </g>
  );
}

function summaryOf({ attempts, accepted_at }: RecordingDetail, nowMs: number): string {
  const outcomes = attempts.map(({ number, outcome }) => `attempt ${number} ${OUTCOME_WORDS[outcome]}`);
  const sinceMs = nowMs - Date.parse(accepted_at);
  return outcomes.length === 0
    ? `Timeline: waits since ${formatDuration(sinceMs)}, no attempt yet.`
    : `Timeline: ${outcomes.join(', ')}. The table below has the times.`;
}
