import type { Places } from '../domain/recipe.ts';
import { type OutputPlaceSettings, openOutputPlaces } from './output-places.ts';
import { openPublishers, type PublisherSettings } from './publishers.ts';
import { openStores, type StoreSettings } from './stores.ts';

type Settings = StoreSettings & PublisherSettings & OutputPlaceSettings;

/** Nothing is asked of what is opened only for its name. */
const UNUSED = { idleTimeoutMs: 1 };

/** What recipes may name: the stores, the publishers and the places of outputs that are set up. */
export function placesOf(settings: Settings): Places {
  return {
    store: [...openStores(settings, UNUSED).keys()],
    publisher: [...openPublishers(settings, UNUSED).keys()],
    'output-place': [...openOutputPlaces(settings, UNUSED).setUp.keys()],
  };
}

/** The names of their circuits. */
export function servicesOf(settings: Settings): string[] {
  return [
    ...[...openStores(settings, UNUSED).values()].map(({ name }) => name),
    ...[...openPublishers(settings, UNUSED).values()].map(({ service }) => service),
    ...[...openOutputPlaces(settings, UNUSED).setUp.values()].map(({ service }) => service),
  ];
}
