import { formatBytes, formatCount, formatTime } from '../shared/format.ts';
import { useStore } from '../shared/store.ts';
import type { Live } from './live.ts';
import type { StatusView } from './types.ts';

const WIDTH = 288;
const HEIGHT = 64;
const STEP = WIDTH / 24;

/** What was done in the last 24 hours: bars for the eye, the same as a table. */
export function DayChart({ live }: { live: Live }) {
  const day = useStore(live.state, ({ status }) => status?.day);
  if (day === undefined) return null;
  const recordings = day.reduce((sum, hour) => sum + hour.recordings, 0);
  const bytes = day.reduce((sum, hour) => sum + hour.bytes, 0);
  const words = `${formatCount(recordings)} ${recordings === 1 ? 'recording' : 'recordings'}, ${formatBytes(bytes)}`;
  return (
    <section class="card" aria-labelledby="day">
      <h2 id="day">Last 24 hours</h2>
      <p class="day-sum number">{words}</p>
      <Bars day={day} />
      <details class="small">
        <summary>By the hour</summary>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">Recordings</th>
              <th scope="col">Size</th>
            </tr>
          </thead>
          <tbody>
            {day
              .filter((hour) => hour.recordings > 0)
              .map((hour) => (
                <tr key={hour.hour}>
                  <td class="number">{formatTime(new Date(hour.hour))}</td>
                  <td class="number">{formatCount(hour.recordings)}</td>
                  <td class="number">{formatBytes(hour.bytes)}</td>
                </tr>
              ))}
          </tbody>
        </table>
        {recordings === 0 && <p class="muted">Nothing was done in this time.</p>}
      </details>
    </section>
  );
}

function Bars({ day }: { day: StatusView['day'] }) {
  const most = Math.max(1, ...day.map((hour) => hour.bytes));
  return (
    <svg class="day" viewBox={`0 0 ${WIDTH} ${HEIGHT + 18}`} aria-hidden="true">
      {day.map((hour, index) => {
        const height = hour.bytes === 0 ? 2 : Math.max(4, (hour.bytes / most) * HEIGHT);
        return (
          <rect
            key={hour.hour}
            class={hour.bytes === 0 ? 'none' : ''}
            x={index * STEP + 1.5}
            y={HEIGHT - height}
            width={STEP - 3}
            height={height}
            rx={hour.bytes === 0 ? 1 : 2.5}
          />
        );
      })}
      {[0, 12].map((index) => (
        <text key={index} x={index * STEP} y={HEIGHT + 14}>
          {formatTime(new Date(day[index]?.hour ?? 0), new Date(day[index]?.hour ?? 0))}
        </text>
      ))}
      <text x={WIDTH} y={HEIGHT + 14} text-anchor="end">
        now
      </text>
    </svg>
  );
}
