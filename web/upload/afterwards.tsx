import { useEffect, useState } from 'preact/hooks';
import type { UploadStatusView } from '../../src/server/api/upload-status.ts';
import { useWords } from './language.ts';
import { readUploadStatus } from './server.ts';
import type { Message } from './words.ts';

/** How often the server is asked: soon at first, then less and less, in milliseconds. */
const ASK_MS = { first: 1000, max: 15_000 };

const STEPS = ['step.uploaded', 'step.inLine', 'step.published', 'step.ready'] as const;

type Status = Awaited<ReturnType<typeof readUploadStatus>>;

/** In which nothing comes of an upload any more. */
const LOST: readonly UploadStatusView['state'][] = ['failed', 'cancelled', 'deleted'];

/** What becomes of a recording after its upload, until it can be watched. */
export function Afterwards(props: { uploadId: string; aceId: string; onLost: () => void }) {
  const { uploadId, aceId, onLost } = props;
  const { say, tell, percent } = useWords();
  const [status, setStatus] = useState<Status>();

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const ask = async (pauseMs: number) => {
      const read = await readUploadStatus(uploadId, aceId).catch(() => undefined);
      if (isOver) return;
      if (read !== undefined) setStatus(read);
      if (isLost(read)) onLost();
      if (read === 'left-out' || read?.playable) return;
      const nextMs = read?.state === 'moving' ? ASK_MS.first * 2 : Math.min(pauseMs * 1.4, ASK_MS.max);
      timer = setTimeout(() => ask(nextMs), nextMs);
    };
    void ask(ASK_MS.first);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [uploadId, aceId]);

  const step = stepOf(status);
  return (
    <div class="afterwards">
      {status !== 'left-out' && (
        <ol class="steps" aria-hidden="true">
          {STEPS.map((name, index) => (
            <li key={name} class={index < step ? 'past' : index === step ? 'now' : ''}>
              {say(name)}
            </li>
          ))}
        </ol>
      )}
      <p role="status" class={isLost(status) ? 'problem' : ''}>
        {tell(messageFor(status, percent))}
      </p>
      {status !== 'left-out' && status?.watch_url && (
        <p>
          <a href={status.watch_url} target="_blank" rel="noopener noreferrer">
            {say('after.watch')}
          </a>
        </p>
      )}
    </div>
  );
}

/** How many steps are behind. */
function stepOf(status: Status): number {
  if (status === 'left-out') return 1;
  if (status?.playable) return STEPS.length;
  if (status?.state === 'done') return 3;
  return status?.state === 'moving' ? 2 : 1;
}

function isLost(status: Status): boolean {
  return status === 'left-out' || (status !== undefined && LOST.includes(status.state));
}

function messageFor(status: Status, percent: (share: number) => string): Message {
  if (status === undefined) return { key: 'after.arrived' };
  if (status === 'left-out') return { key: 'after.leftOut' };
  if (status.playable) return { key: 'after.playable' };
  switch (status.state) {
    case 'waiting':
      return status.position === null || status.position === 1
        ? { key: 'after.next' }
        : { key: 'after.inLine', values: { position: status.position } };
    case 'moving':
      return status.percent === null
        ? { key: 'after.moving' }
        : { key: 'after.movingAt', values: { percent: percent(status.percent / 100) } };
    case 'backing-off':
      return { key: 'after.backingOff' };
    case 'done':
      return { key: 'after.done' };
    case 'failed':
      return { key: 'after.failed' };
    case 'set-aside':
      return { key: 'after.setAside' };
    case 'cancelling':
    case 'cancelled':
      return { key: 'after.cancelled' };
    case 'deleting':
    case 'deleted':
      return { key: 'after.deleted' };
  }
}
