import { useWords } from './language.ts';

/** A bar, and beside its words how far it is, how fast it goes and what is left. */
export function Progress(props: {
  label: string;
  words: string;
  sentBytes: number;
  totalBytes: number;
  bytesPerS: number;
}) {
  const { label, words, sentBytes, totalBytes, bytesPerS } = props;
  const { percent, perSecond, left } = useWords();
  const share = totalBytes === 0 ? 0 : sentBytes / totalBytes;
  const facts = [
    percent(share),
    ...(bytesPerS > 0 ? [perSecond(bytesPerS), left((totalBytes - sentBytes) / bytesPerS)] : []),
  ];
  return (
    <div>
      <p class="way small">
        <span role="status">{words}</span>
        <span class="muted number">{facts.join(' · ')}</span>
      </p>
      <div
        class="bar"
        role="progressbar"
        aria-label={label}
        aria-valuenow={Math.floor(share * 100)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}
