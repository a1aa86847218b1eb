import { formatBytes, formatCount, formatDay, formatTime } from '../shared/format.ts';
import { useStore } from '../shared/store.ts';
import { getJson } from './api.ts';
import type { Live } from './live.ts';
import { useResource } from './resource.ts';
import type { DaysView } from './types.ts';

const WIDTH = 288;
const HEIGHT = 64;

/** How often the days are read without news, in milliseconds: a new one begins. */
const DAYS_EVERY_MS = 600_000;

/** What was done in one span of time. */
interface Bar {
  readonly key: string;
  readonly label: string;
  readonly recordings: number;
  readonly bytes: number;
}

/** What was done in the last 24 hours. */
export function DayChart({ live }: { live: Live }) {
  const day = useStore(live.state, ({ status }) => status?.day);
  const bars = day?.map((hour) => ({ ...hour, key: hour.hour, label: formatTime(new Date(hour.hour)) }));
  return <Chart id="day" title="Last 24 hours" unit="hour" bars={bars} marks={[0, 12]} now="now" />;
}

/** What was done on each of the last 30 days, as the calendar of whoever looks has them. */
export function DaysChart({ live }: { live: Live }) {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  const { data } = useResource<DaysView>({
    key: '/api/days',
    live,
    load: (signal) => getJson<DaysView>(`/api/days?days=30&zone=${encodeURIComponent(timeZone)}`, signal),
    onNews: ({ type }) => type === 'recording.done',
    everyMs: DAYS_EVERY_MS,
  });
  const bars = data?.days.map((day) => ({
    ...day,
    key: day.day,
    label: formatDay(new Date(`${day.day}T12:00:00`)),
  }));
  return <Chart id="days" title="Last 30 days" unit="day" bars={bars} marks={[0, 15]} now="today" />;
}

/** Bars for the eye, the same as a table. */
function Chart(props: {
  id: string;
  title: string;
  unit: 'hour' | 'day';
  bars: readonly Bar[] | undefined;
  /** Which bars are named below. */
  marks: readonly number[];
  /** What the last one is called. */
  now: string;
}) {
  const { id, title, unit, bars, marks, now } = props;
  if (bars === undefined) return null;
  const recordings = bars.reduce((sum, bar) => sum + bar.recordings, 0);
  const bytes = bars.reduce((sum, bar) => sum + bar.bytes, 0);
  const words = `${formatCount(recordings)} ${recordings === 1 ? 'recording' : 'recordings'}, ${formatBytes(bytes)}`;
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <p class="day-sum number">{words}</p>
      <Bars bars={bars} marks={marks} now={now} />
      <details class="small">
        <summary>By the {unit}</summary>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{unit === 'hour' ? 'From' : 'Day'}</th>
              <th scope="col">Recordings</th>
              <th scope="col">Size</th>
            </tr>
          </thead>
          <tbody>
            {bars
              .filter((bar) => bar.recordings > 0)
              .map((bar) => (
                <tr key={bar.key}>
                  <td class="number">{bar.label}</td>
                  <td class="number">{formatCount(bar.recordings)}</td>
                  <td class="number">{formatBytes(bar.bytes)}</td>
                </tr>
              ))}
          </tbody>
        </table>
        {recordings === 0 && <p class="muted">Nothing was done in this time.</p>}
      </details>
    </section>
  );
}

function Bars({ bars, marks, now }: { bars: readonly Bar[]; marks: readonly number[]; now: string }) {
  const most = Math.max(1, ...bars.map(({ bytes }) => bytes));
  const step = WIDTH / bars.length;
  return (
    <svg class="day" viewBox={`0 0 ${WIDTH} ${HEIGHT + 18}`} aria-hidden="true">
      {bars.map(({ key, bytes }, index) => {
        const height = bytes === 0 ? 2 : Math.max(4, (bytes / most) * HEIGHT);
        return (
          <rect
            key={key}
            class={bytes === 0 ? 'none' : ''}
            x={index * step + 1.5}
            y={HEIGHT - height}
            width={step - 3}
            height={height}
            rx={bytes === 0 ? 1 : 2.5}
          />
        );
      })}
      {marks.map((index) => (
        <text key={index} x={index * step} y={HEIGHT + 14}>
          {bars[index]?.label}
        </text>
      ))}
      <text x={WIDTH} y={HEIGHT + 14} text-anchor="end">
        {now}
      </text>
    </svg>
  );
}
