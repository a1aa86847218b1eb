import { B2_CHECKUP } from './b2/doctor.ts';
import { BUNNY_CHECKUP } from './bunny/doctor.ts';
import type { Checkup } from './checkup.ts';
import { EXECUTOR_CHECKUP } from './executors/doctor.ts';
import { FOLDER_PUBLISHER_CHECKUP, FOLDER_STORE_CHECKUP } from './folder/doctor.ts';
import { MEDIA_IN_CHECKUP } from './media-in.ts';
import { MEDIA_OUT_CHECKUP } from './media-out.ts';
import { S3_CHECKUP } from './s3/doctor.ts';
import { WEBSITE_CHECKUP } from './website/doctor.ts';
import { ZOOM_CHECKUP } from './zoom/doctor.ts';

/** Every system that the doctor looks at, in the order in which they are told: a line for each. */
const LISTED = [
  B2_CHECKUP,
  FOLDER_STORE_CHECKUP,
  S3_CHECKUP,
  BUNNY_CHECKUP,
  FOLDER_PUBLISHER_CHECKUP,
  MEDIA_IN_CHECKUP,
  MEDIA_OUT_CHECKUP,
  EXECUTOR_CHECKUP,
  ZOOM_CHECKUP,
  WEBSITE_CHECKUP,
];

/** What the configuration has to have for all of them. */
export type CheckupSettings = (typeof LISTED)[number] extends Checkup<infer Settings> ? Settings : never;

export const CHECKUPS: readonly Checkup<CheckupSettings>[] = LISTED;
