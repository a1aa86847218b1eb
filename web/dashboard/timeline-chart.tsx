import { useEffect, useRef, useState } from 'preact/hooks';
import { formatDuration, formatExact, formatTime } from '../shared/format.ts';
import { useNow } from './parts.tsx';
import { layOut, type Stretch } from './timeline.ts';
import type { AttemptView, RecordingDetail } from './types.ts';
import { STAGE_WORDS } from './words.ts';

const LABEL_WIDTH = 76;
const ROW = 26;
const TOP = 30;

export const OUTCOME_WORDS: Readonly<Record<AttemptView['outcome'], string>> = {
  running: 'goes on',
  done: 'succeeded',
  failed: 'failed',
  postponed: 'postponed',
  interrupted: 'interrupted',
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
  const timeline = layOut(detail, width - LABEL_WIDTH, nowMs);
  const stages = ['fetch', 'archive', 'publish', 'captions', 'notify', 'cleanup'].filter((stage) =>
    detail.attempts.some((attempt) => attempt.stages.some((each) => each.stage === stage)),
  );
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
          {STAGE_WORDS[stage]}
        </text>
      ))}
      <g transform={`translate(${LABEL_WIDTH} 0)`}>
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
                  {STAGE_WORDS[each.stage]}, {formatDuration(endMs - Date.parse(each.started_at))}
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
          <text class="tick" x={width - LABEL_WIDTH} y={height - 4} text-anchor="end">
            {formatTime(new Date(last.toMs))}
          </text>
        )}
      </g>
    </svg>
  );
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
