import { z } from 'zod';

/* What commands read of the API's answers; what else is in them is kept, for --json. */

const time = z.string().nullable();

const troubleShape = z.looseObject({
  code: z.string(),
  message: z.string(),
  title: z.string(),
  advice: z.string(),
});

export const recordingShape = z.looseObject({
  id: z.string(),
  source: z.string(),
  kind: z.string(),
  state: z.string(),
  wanted: z.string().nullable(),
  actions: z.array(z.string()),
  title: z.string(),
  run_of: z.string().nullable().default(null),
  host: z.string().nullable().default(null),
  reference: z.string().nullable().default(null),
  details: z.record(z.string(), z.unknown()),
  ace_id: z.string().nullable(),
  bytes: z.number().nullable(),
  failed_attempts: z.number(),
  last_error: troubleShape.nullable(),
  not_before: time,
  accepted_at: z.string(),
  started_at: time,
  ended_at: time,
  playable: z.boolean().nullable(),
  videos: z
    .array(z.looseObject({ publisher: z.string(), player_url: z.string(), playable: z.boolean() }))
    .default([]),
  archive: z.looseObject({ bucket: z.string(), file_name: z.string() }).nullable(),
  archives: z.array(z.looseObject({ store: z.string(), path: z.string() })).default([]),
  position: z.number().nullable(),
  /** In the order of its plan; a list has them of none. */
  steps: z
    .array(
      z.looseObject({ id: z.string(), label: z.string(), reports: z.string().nullable(), done: z.boolean() }),
    )
    .default([]),
});
export type Recording = z.output<typeof recordingShape>;

export const recordingListShape = z.object({
  recordings: z.array(recordingShape),
  next_cursor: z.string().nullable(),
});

export const recordingDetailShape = recordingShape.extend({
  path: z.string().nullable(),
  related: z.array(
    z.looseObject({
      id: z.string(),
      kind: z.string(),
      companion: z.string().nullable(),
      state: z.string(),
      title: z.string(),
    }),
  ),
  stages: z.record(z.string(), z.looseObject({ started_at: time, done_at: time })),
  outputs: z
    .array(
      z.looseObject({
        step: z.string(),
        label: z.string(),
        state: z.string(),
        progress: z
          .looseObject({
            unit: z.string(),
            done: z.number(),
            total: z.number(),
            left_s: z.number().nullable(),
          })
          .nullable(),
        error: troubleShape.nullable(),
        cost: z.looseObject({ cpu_s: z.number(), wall_s: z.number(), peak_rss_bytes: z.number() }).nullable(),
        bytes: z.number().nullable(),
        files: z.array(z.looseObject({ key: z.string(), address: z.string().nullable(), bytes: z.number() })),
      }),
    )
    .default([]),
  attempts: z.array(
    z.looseObject({
      number: z.number(),
      started_at: z.string(),
      ended_at: time,
      outcome: z.string(),
      error: troubleShape.nullable(),
    }),
  ),
  events: z.array(
    z.looseObject({
      at: z.string(),
      type: z.string(),
      words: z.string(),
      data: z.record(z.string(), z.unknown()),
    }),
  ),
  deliveries: z.array(
    z.looseObject({
      type: z.string(),
      state: z.string(),
      attempts: z.number(),
      last_try: z
        .looseObject({ at: z.string(), status: z.number().nullable(), answer: z.string().nullable() })
        .nullish(),
      last_error: troubleShape.nullable(),
    }),
  ),
});
export type RecordingDetail = z.output<typeof recordingDetailShape>;

export const statusShape = z.looseObject({
  version: z.string(),
  paused: z.boolean(),
  site_gone: z.string().nullable(),
  counts: z.record(z.string(), z.number()),
  oldest_waiting_at: time,
  moving: recordingShape.nullable(),
  uploads: z
    .looseObject({ unfinished: z.number(), received_bytes: z.number(), total_bytes: z.number() })
    .optional(),
  line: z.looseObject({ left_s: z.number().nullable(), left_bytes: z.number().nullable() }).optional(),
  redis: z.string(),
  troubles: z.array(
    z.looseObject({ kind: z.string(), title: z.string(), advice: z.string(), blocking: z.boolean() }),
  ),
  processes: z.array(z.looseObject({ process: z.string(), state: z.string(), silent_s: z.number() })),
  given_up: z.number(),
  disk: z.looseObject({ free_bytes: z.number(), total_bytes: z.number(), reserve_bytes: z.number() }),
  services: z.array(
    z.looseObject({
      service: z.string(),
      state: z.string(),
      open_until: time,
      last_error: troubleShape.nullable(),
    }),
  ),
});
export type Status = z.output<typeof statusShape>;

export const uploadListShape = z.object({
  uploads: z.array(
    z.looseObject({
      ace_id: z.string().nullable(),
      filename: z.string().nullable(),
      received_bytes: z.number(),
      total_bytes: z.number(),
      began_at: time,
      last_byte_at: z.string(),
    }),
  ),
});

export const givenUpShape = z.object({
  deliveries: z.array(z.looseObject({ id: z.string(), recording_id: z.string(), type: z.string() })),
});

export const acceptedShape = z.looseObject({
  id: z.string(),
  state: z.string(),
  duplicate: z.boolean(),
  title: z.string().optional(),
  note: z.string().optional(),
});

const legShape = z.looseObject({
  done_bytes: z.number(),
  total_bytes: z.number(),
  bytes_per_s: z.number(),
  left_s: z.number().nullable(),
  idle_s: z.number().default(0),
});
export type Leg = z.output<typeof legShape>;

export const recordingEventShape = z.looseObject({
  recording_id: z.string(),
  type: z.string(),
  words: z.string(),
  at: z.string(),
  data: z.record(z.string(), z.unknown()),
  recording: recordingShape,
});
export type RecordingEvent = z.output<typeof recordingEventShape>;

const encodingShape = z.looseObject({
  done_s: z.number(),
  total_s: z.number(),
  speed: z.number(),
  left_s: z.number().nullable(),
  idle_s: z.number(),
});
export type Encoding = z.output<typeof encodingShape>;

export const progressShape = z.looseObject({
  recording_id: z.string(),
  legs: z.record(z.string(), legShape),
  encodings: z.record(z.string(), encodingShape).default({}),
});
export type Progress = z.output<typeof progressShape>;

export const newsShape = statusShape.partial();
export type News = z.output<typeof newsShape>;

const hostShape = z.looseObject({
  host: z.string(),
  own: z.boolean(),
  state: z.string(),
  silent_s: z.number(),
  address: z.string().nullable(),
  version: z.string(),
  free_bytes: z.number().nullable(),
  total_bytes: z.number().nullable(),
  uploads: z.number(),
  upload_bytes: z.number(),
  recordings: z.number(),
  bound: z.number(),
});
export type Host = z.output<typeof hostShape>;

export const hostsShape = z.looseObject({ hosts: z.array(hostShape) });
