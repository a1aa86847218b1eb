import { randomUUID } from 'node:crypto';
import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import type { Asked, Checkup } from '../checkup.ts';
import { createSite } from './client.ts';
import { WEBSITE } from './words.ts';

interface Settings {
  readonly site: Parameters<typeof createSite>[0];
}

export const WEBSITE_CHECKUP: Checkup<Settings> = {
  name: 'website',
  service: WEBSITE.service,
  needs: ['SITE_WEBHOOK_URL', 'SITE_WEBHOOK_SECRET'],
  madeBy: { SITE_WEBHOOK_SECRET: 'echo "whsec_$(openssl rand -base64 32)"' },
  check: checkSite,
};

/**
 * Whether the website's address takes announcements. It is sent `sluice.test`, a type that asks for nothing: without a
 * signature, so that a refusal is what is right; or signed, where that was asked for.
 */
async function checkSite({ site }: Settings, { sendsSiteEvent, signal }: Asked): Promise<Finding> {
  const client = createSite(site);
  const timestamp = new Date().toISOString();
  const body = JSON.stringify({ type: 'sluice.test', timestamp, data: {} });
  if (sendsSiteEvent) {
    await client.announce({ id: `msg_test_${randomUUID()}`, body, signal });
    return ok('has taken a signed test announcement');
  }
  return judgeSite(await client.probe({ body, signal }));
}

function judgeSite(status: number): Finding {
  if (status === 404 || status === 405 || status === 410 || (status >= 300 && status < 400)) {
    return fail(`answers ${status}: announcements do not belong there`, 'Correct SITE_WEBHOOK_URL.');
  }
  if (status >= 500) {
    return fail(
      `answers ${status}`,
      'Look at the website; announcements are kept and tried again meanwhile.',
    );
  }
  if (status >= 200 && status < 300) {
    return warn(
      `answers ${status} to what is not signed`,
      'Anybody could announce recordings to it: let it verify signatures (docs/website.md).',
    );
  }
  return ok(`is there, and refuses what is not signed (${status}); --site-event tries the signature`);
}
