import { z } from 'zod';

/*
 * What steps of Sluice's own tasks resume from, as every version that there was has written it: a field that is added is
 * optional, and none is taken away. What is read keeps the fields that are not known here.
 */

/** See `Doubt`. */
const doubt = z.object({ looks: z.number(), sinceMs: z.number() });

const fetch = z.object({
  /** ETag or Last-Modified of the bytes on disk, for If-Range; null if the server named none. */
  validator: z.string().nullable(),
  /** Null if the server did not say it. */
  totalBytes: z.number().nullable(),
  contentId: z.string(),
  /** The length that the download had, again and again, though others say another. */
  seen: z.object({ bytes: z.number(), times: z.number(), firstAtMs: z.number() }).optional(),
});

const archive = z.object({
  /** The store, where it is another than the usual. */
  store: z.string().optional(),
  /** Of the bytes that were sent so far. */
  contentId: z.string(),
  fileName: z.string(),
  /** Set before a remote file is made: from then on it may exist, its id known or not. */
  isRequested: z.boolean(),
  /** The unfinished large file. */
  fileId: z.string().nullable(),
  partBytes: z.number(),
  /** How often the store could not finish this large file; some never get finished, and want a new one. */
  failedFinishes: z.number(),
});

const publish = z.object({
  /** Of the bytes that were sent so far. */
  contentId: z.string(),
  /** Set before a video is made: from then on it may exist, its id known or not. */
  requestedAtMs: z.number(),
  videoId: z.string().nullable(),
  uploadUrl: z.string().nullable(),
  /** That the publisher does not know the video, or cannot use what it has of it, as long as that may pass. */
  doubt: doubt.optional(),
});

const captions = z.object({
  /** Set before they get them: from then on they may have them. */
  videoIds: z.array(z.string()).readonly(),
  language: z.string(),
  /** That the publisher refuses them, as long as that may pass. */
  doubt: doubt.optional(),
});

/** How the checkpoint of each task is read. */
export const checkpointSchemas = {
  fetch: fetch.loose(),
  archive: archive.loose(),
  publish: publish.loose(),
  captions: captions.loose(),
};

/** What a step that is not done yet knows, and resumes from, by its task. */
export interface Checkpoints {
  readonly fetch: Readonly<z.infer<typeof fetch>>;
  readonly archive: Readonly<z.infer<typeof archive>>;
  readonly publish: Readonly<z.infer<typeof publish>>;
  readonly captions: Readonly<z.infer<typeof captions>>;
}
