import { byteSize } from '../lib/byte-size.ts';
import { uploadListShape } from './api-shapes.ts';
import type { Session } from './session.ts';
import { renderTable } from './table.ts';
import { localTime } from './times.ts';

/** Prints the uploads of tutors that have not arrived as a whole, and so are no recordings yet. */
export async function listUploads(session: Session): Promise<void> {
  const answer = await session.api.get('/api/uploads', uploadListShape, session.signal);
  if (session.isJson) return session.printJson(answer);
  if (answer.uploads.length === 0) return session.print('No unfinished uploads.');
  session.print(
    ...renderTable(
      answer.uploads,
      [
        { heading: 'ace_id', text: ({ ace_id: aceId }) => aceId ?? '' },
        {
          heading: 'arrived',
          text: ({ received_bytes: received, total_bytes: total }) =>
            `${byteSize(received)} of ${byteSize(total)}`,
          align: 'right',
        },
        { heading: 'begun', text: ({ began_at: at }) => localTime(at) },
        { heading: 'last byte', text: ({ last_byte_at: at }) => localTime(at) },
        { heading: 'file', text: ({ filename }) => filename ?? '', minWidth: 8 },
      ],
      session,
    ),
  );
}
