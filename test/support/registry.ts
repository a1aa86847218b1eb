import { join } from 'node:path';
import { loadTaskFiles } from '../../src/engine/task-files.ts';
import { openPublishers, type PublisherSettings } from '../../src/outside/publishers.ts';
import { PROFILES } from '../../src/outside/s3/profiles.ts';
import { openStores, type StoreSettings } from '../../src/outside/stores.ts';
import { SERVICES } from '../../src/outside/words.ts';

const TASKS = join(import.meta.dirname, '../../src/tasks');

const OPENING = { idleTimeoutMs: 1 };

type AllOf<T> = { readonly [K in keyof T]: NonNullable<T[K]> };

/** Every place is set up, or this does not compile; nothing is asked of it. */
const SETTINGS: AllOf<StoreSettings & PublisherSettings> = {
  b2: { apiUrl: 'http://127.0.0.1', keyId: '', applicationKey: '', bucket: '', partBytes: undefined },
  bunny: { apiUrl: 'http://127.0.0.1', tusUrl: 'http://127.0.0.1', libraryId: '', apiKey: '' },
  folderStore: { path: '/tmp/store', memoryPath: '/tmp/memory', reserveBytes: 0 },
  s3Store: {
    endpoint: 'http://127.0.0.1',
    region: 'us-east-1',
    keyId: '',
    secretKey: '',
    bucket: 'academy',
    profile: PROFILES.generic,
    addressing: 'path',
    isMade: false,
    comparesEtags: true,
  },
  folderPublisher: {
    path: '/tmp/videos',
    url: 'http://127.0.0.1',
    memoryPath: '/tmp/memory',
    reserveBytes: 0,
  },
};

/** The names of the tasks that a process finds when it starts. */
export async function tasksFound(): Promise<string[]> {
  return [...(await loadTaskFiles([TASKS])).keys()];
}

/** Every store, with the name of its circuit. */
export function storesFound(): { store: string; service: string }[] {
  return [...openStores(SETTINGS, OPENING).values()].map(({ name }) => ({ store: name, service: name }));
}

/** Every publisher, with the name of its circuit. */
export function publishersFound(): { publisher: string; service: string }[] {
  return [...openPublishers(SETTINGS, OPENING).values()].map(({ name, service }) => ({
    publisher: name,
    service,
  }));
}

/** Every service that recordings depend on: stores, publishers, and whatever else there are words for. */
export function servicesFound(): string[] {
  const all = [...storesFound(), ...publishersFound(), ...SERVICES.all];
  return [...new Set(all.map(({ service }) => service))];
}
