import { adviceFor, type ErrorCode } from './error-catalogue.ts';
import type { Source } from './recording.ts';

/** What people call a service, and the settings that say where it is and who asks. */
export interface ServiceWords {
  /** The name of its circuit. */
  readonly service: string;
  /** As it stands within a sentence. */
  readonly name: string;
  readonly keys: string;
  readonly address: string;
  /** What recordings that come from it have as their source. */
  readonly source?: Source;
  /** What recipes call it where they archive to it. */
  readonly store?: string;
  /** What recipes call it where they publish with it. */
  readonly publisher?: string;
}

/** All services that there can be, and what is said of them. One that is not among them goes by its own name. */
export interface Services {
  readonly all: readonly ServiceWords[];
  nameOf(service: string): string;
  /** What a person can do about a service that answers with an error of this code: which setting, or where to look. */
  adviceFor(service: string, code: ErrorCode): string;
}

export function createServices(all: readonly ServiceWords[]): Services {
  const wordsOf = (service: string): ServiceWords =>
    all.find((each) => each.service === service) ?? {
      service,
      name: service,
      keys: 'its settings',
      address: 'its address',
    };
  return {
    all,
    nameOf: (service) => wordsOf(service).name,
    adviceFor: (service, code) => adviceOn(wordsOf(service), code),
  };
}

function adviceOn({ name, keys, address }: ServiceWords, code: ErrorCode): string {
  switch (code) {
    case 'REMOTE_UNAUTHORIZED':
      return `Correct ${keys} in .env, or give the key the rights that it lacks.`;
    case 'REMOTE_REJECTED':
      return `Read its words; if it is the settings: ${keys}, and ${address}.`;
    case 'REMOTE_UNAVAILABLE':
    case 'TRANSFER_STALLED':
      return `Look at the network and the firewall, and at what is known of ${name}; if ${address} is set, check it.`;
    case 'REMOTE_ANSWER_INVALID':
      return `Check ${address}: something else seems to answer there.`;
    default:
      return adviceFor(code, 'asked');
  }
}
