import { pino } from 'pino';
import { expect, it } from 'vitest';
import { recordingId } from '../../../../src/domain/ids.ts';
import type { NewRecording } from '../../../../src/domain/recording.ts';
import { createTurnsAbout } from '../../../../src/lib/turns.ts';
import type { ZoomAnnouncement } from '../../../../src/outside/zoom/event.ts';
import { createZoomIntake } from '../../../../src/outside/zoom/intake.ts';
import { readMeeting } from '../../../../src/outside/zoom/meeting.ts';

function announce(uuid: string, fileId: string): ZoomAnnouncement {
  const file = { id: fileId, file_type: 'MP4', download_url: 'https://zoom.us/rec/f' };
  const meeting = readMeeting({ uuid, recording_files: [file] });
  if (meeting === undefined) throw new Error('no meeting');
  return { type: 'recording.completed', atMs: 1, downloadToken: null, meeting };
}

it('lets an event wait for one about the same meeting, and for no other', async () => {
  const begun: string[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const intake = createZoomIntake({
    intake: {
      async accept({ naturalKey }: NewRecording) {
        begun.push(naturalKey);
        if (naturalKey === 'zoom:slow') await released;
        return { id: recordingId(naturalKey), state: 'waiting', isDuplicate: false };
      },
    },
    recordings: { ofGroup: async () => [] },
    ignored: { add: async () => {}, forget: async () => {} },
    locks: { hold: createTurnsAbout() },
    defaults: { views: [], companions: [], language: 'en', delayMs: 0 },
    log: pino({ level: 'silent' }),
  });

  const slow = intake.take(announce('one', 'slow'), []);
  const behind = intake.take(announce('one', 'behind'), []);
  for (let index = 0; index < 100; index += 1) {
    const { accepted } = await intake.take(announce(`other-${index}`, `file-${index}`), []);
    expect(accepted).toHaveLength(1);
  }

  expect(begun).toContain('zoom:slow');
  expect(begun).not.toContain('zoom:behind');
  release();
  await Promise.all([slow, behind]);
  expect(begun).toContain('zoom:behind');
});
