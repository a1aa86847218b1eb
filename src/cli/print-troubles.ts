import type { Status } from './api-shapes.ts';
import { statusShape } from './api-shapes.ts';
import type { Session } from './session.ts';
import { printable } from './text-width.ts';

/** Says below an answer what does not move, so that what it lists is not taken for what goes on. */
export async function printTroubles(session: Session, known?: Status): Promise<void> {
  const { troubles } = known ?? (await session.api.get('/api/status', statusShape, session.signal));
  for (const { title, advice } of troubles) {
    session.print(session.paint('red', `! ${printable(title)}`), `  → ${advice}`);
  }
}
