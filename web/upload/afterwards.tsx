import { useEffect, useState } from 'preact/hooks';
import type { UploadStatusView } from '../../src/server/upload-status.ts';
import { readUploadStatus } from './server.ts';

/** How often the server is asked: soon at first, then less and less, in milliseconds. */
const ASK_MS = { first: 1000, max: 15_000 };

const STEPS = ['Uploaded', 'In line', 'Archived and published', 'Ready to watch'] as const;

/** What becomes of a recording after its upload, until it can be watched. */
export function Afterwards(props: { uploadId: string; aceId: string; onLost: () => void }) {
  const { uploadId, aceId, onLost } = props;
  const [status, setStatus] = useState<UploadStatusView>();

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const ask = async (pauseMs: number) => {
      const read = await readUploadStatus(uploadId, aceId).catch(() => undefined);
      if (isOver) return;
      if (read !== undefined) setStatus(read);
      if (read?.state === 'failed' || read?.state === 'cancelled') onLost();
      if (read?.playable) return;
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
      <ol class="steps" aria-hidden="true">
        {STEPS.map((name, index) => (
          <li key={name} class={index < step ? 'past' : index === step ? 'now' : ''}>
            {name}
          </li>
        ))}
      </ol>
      <p role="status" class={isTrouble(status) ? 'problem' : ''}>
        {wordsFor(status)}
      </p>
    </div>
  );
}

/** How many steps are behind. */
function stepOf(status: UploadStatusView | undefined): number {
  if (status?.playable) return STEPS.length;
  if (status?.state === 'done') return 3;
  return status?.state === 'moving' ? 2 : 1;
}

function isTrouble(status: UploadStatusView | undefined): boolean {
  return status?.state === 'failed' || status?.state === 'cancelled';
}

function wordsFor(status: UploadStatusView | undefined): string {
  if (status === undefined) return 'Your file has arrived. You may close this page.';
  if (status.playable) return 'Your recording can be watched.';
  switch (status.state) {
    case 'waiting':
      return status.position === null || status.position === 1
        ? 'Your file has arrived, and is next in line. You may close this page.'
        : `Your file has arrived, and is number ${status.position} in line. You may close this page.`;
    case 'moving':
      return `Your recording is being archived and published${status.percent === null ? '' : `, ${status.percent} %`}.`;
    case 'backing-off':
      return 'Something has not worked yet; it is tried again by itself. Your file is safe.';
    case 'done':
      return 'Your recording is published; the video is being prepared for watching.';
    case 'failed':
      return 'Your recording could not be published. The academy can see why, and your file is kept.';
    case 'set-aside':
      return 'The academy has put your recording on hold. Your file is kept.';
    case 'cancelling':
    case 'cancelled':
      return 'The academy has cancelled this recording.';
    case 'deleting':
    case 'deleted':
      return 'The academy has deleted this recording.';
  }
}
