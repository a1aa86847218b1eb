import type { Words } from '../desk/words.ts';
import type { Source } from '../domain/recording.ts';
import { createServices } from '../domain/services.ts';
import { type EventType, LEDGER_EVENTS } from '../ledger/events.ts';
import { ALL_ALARM_KINDS } from './alarm-kinds.ts';
import { B2 } from './b2/words.ts';
import { BUNNY } from './bunny/words.ts';
import { EXECUTOR } from './executors/words.ts';
import { FOLDER_PUBLISHER, FOLDER_STORE, MEDIA_IN, MEDIA_OUT } from './folder/words.ts';
import { S3 } from './s3/words.ts';
import { WEBSITE } from './website/words.ts';
import { ZOOM_EVENTS } from './zoom/tables/events.ts';
import { ZOOM } from './zoom/words.ts';

/** Every service, as its wing words it: a line for each. */
export const SERVICES = createServices([
  ZOOM,
  B2,
  FOLDER_STORE,
  S3,
  BUNNY,
  FOLDER_PUBLISHER,
  MEDIA_IN,
  MEDIA_OUT,
  EXECUTOR,
  WEBSITE,
]);

/** What people are told of each event, those of wings included; the compiler says if one is missing. */
const EVENT_WORDS: Readonly<Record<EventType, string>> = { ...LEDGER_EVENTS, ...ZOOM_EVENTS };

/** Where recordings come from: a wing, or a door of our own. */
const SOURCE_WORDS: Readonly<Record<Source, string>> = {
  zoom: ZOOM.name,
  manual: 'Tutor’s upload',
  custom: 'File on the server',
  library: 'Input by its address',
};

/** All of them, for the desk. */
export const WORDS: Words = {
  services: SERVICES,
  events: EVENT_WORDS,
  sources: SOURCE_WORDS,
  alarmKinds: ALL_ALARM_KINDS,
};
