import { z } from 'zod';
import { held } from '../../engine/held.ts';
import type { Publisher } from '../../engine/ports/publisher.ts';

/** Where videos go unless their recipe says otherwise. */
const DEFAULT_PUBLISHER = 'bunny';

/** With which publisher a step has to do. */
export const publisherParams = z.strictObject({ publisher: z.string().default(DEFAULT_PUBLISHER) });

/** Which of them has to be set up. */
export const publisherPlaces = { publisher: 'publisher' } as const;

export interface PublisherParams {
  /** Absent of a run that was planned before there were several. */
  readonly publisher?: string;
}

type Publishers = ReadonlyMap<string, Publisher>;

/** @throws KnownError `PUBLISHER_MISSING`: it waits until somebody has set the publisher up again */
export function requirePublisher(publishers: Publishers, params: PublisherParams): Publisher {
  const publisher = publishers.get(nameOf(params));
  if (publisher !== undefined) return publisher;
  throw held(`The publisher "${nameOf(params)}" is not set up here`, 'PUBLISHER_MISSING');
}

/** The service that such a step depends on. */
export function serviceFor(publishers: Publishers, params: PublisherParams): string {
  return publishers.get(nameOf(params))?.service ?? nameOf(params);
}

function nameOf({ publisher = DEFAULT_PUBLISHER }: PublisherParams): string {
  return publisher;
}
