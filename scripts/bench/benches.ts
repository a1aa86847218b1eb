import type { Bench } from './bench.ts';
import { cpu } from './cpu.ts';
import { doors } from './doors.ts';
import { flat } from './flat.ts';
import { growth } from './growth.ts';
import { hosts } from './hosts.ts';
import { intake } from './intake.ts';
import { media } from './media.ts';
import { overlap } from './overlap.ts';
import { pickup } from './pickup.ts';
import { s3 } from './s3.ts';
import { webhooks } from './webhooks.ts';

/** All that there are, in the order in which \`all\` runs them. */
export const BENCHES: readonly Bench[] = [
  overlap,
  cpu,
  flat,
  webhooks,
  pickup,
  growth,
  intake,
  s3,
  media,
  hosts,
  doors,
];
