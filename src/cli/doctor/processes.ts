import { type Finding, fail, ok, skip } from '../../domain/finding.ts';
import type { Api } from '../api.ts';
import { statusShape } from '../api-shapes.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { checkPm2 } from './pm2.ts';

/** Whether all processes run: by pm2 where that keeps them, else by the signs of life that they give. */
export async function checkProcesses(
  api: Api,
  options: Parameters<typeof checkPm2>[0] & { readonly isBeforeStart: boolean },
): Promise<Finding> {
  return (await checkPm2(options)) ?? (await checkSigns(api, options));
}

async function checkSigns(
  api: Api,
  { isBeforeStart, signal }: { readonly isBeforeStart: boolean; readonly signal: AbortSignal },
): Promise<Finding> {
  try {
    const { processes } = await api.get('/api/status', statusShape, signal);
    const down = processes.filter(({ state }) => state !== 'ok').map(({ process }) => process);
    if (down.length === 0)
      return ok(`${processes.map(({ process }) => process).join(', ')} alive, without pm2`);
    return fail(
      `no sign of life of ${down.join(', ')}`,
      down.map((name) => `systemctl restart sluice@${name}, and see journalctl -u sluice@${name}.`).join(' '),
    );
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode !== EXIT.unreachable) throw error;
    if (isBeforeStart) return skip('none runs yet');
    return fail(
      'none runs, neither by pm2 nor without',
      'Start Sluice: npm start (in the foreground), npx pm2 start ecosystem.config.js, or systemctl start sluice.target.',
    );
  }
}
