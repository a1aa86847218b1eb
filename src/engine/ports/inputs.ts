import type { LibraryFile } from '../../domain/asset.ts';
import type { FoundInput, InputAddress } from '../../domain/input.ts';
import type { Download } from './source.ts';
import type { Call } from './store.ts';

/**
 * Where recordings are brought from that somebody names by an address: buckets, web servers, what lies below MEDIA_IN. Every
 * call makes one attempt. Nothing there is ever changed.
 *
 * @throws KnownError `INPUT_NOT_ALLOWED` for an address that nothing is taken from, `INPUT_NOT_FOUND`; and what the service there
 * says
 */
export interface Inputs {
  /** Asks whether it is there and may be read. @throws KnownError `FILE_EMPTY`, `NOT_MEDIA` where that is known already */
  look(input: Call & { readonly address: InputAddress }): Promise<FoundInput>;
  /**
   * The name of the circuit of what serves an address; `undefined`: a file of this machine, or a web server, which tells of nothing
   * else that is asked for.
   */
  serviceOf(address: InputAddress): string | undefined;
  /** Where people find what lies at an address; `undefined`: nobody has said where. */
  urlOf(address: InputAddress): string | undefined;
  /** Asks one of these services, by its name, for what belongs to no recording; `undefined`: it is none of them. */
  probeOf(service: string): ((call: Call) => Promise<void>) | undefined;
  /**
   * All files below MEDIA_IN that could be assets by their names, in no order, read as they are taken.
   *
   * @throws KnownError `FILE_NOT_FOUND`, `FILE_NOT_READABLE` of the folder itself
   */
  library(call: Call): AsyncIterable<LibraryFile>;
  /**
   * Where a file of this machine lies, every link followed; `undefined`: it is none.
   *
   * @throws KnownError `SOURCE_GONE`
   */
  localPath(address: InputAddress): Promise<string | undefined>;
  /** Begins to read a file of this machine or of a bucket as it is now, for people who look at it. Whoever reads no further dismisses it. */
  read(
    input: Call & { readonly address: InputAddress; readonly fromByte: number },
  ): Promise<{ readonly totalBytes: number; readonly chunks: AsyncIterable<Buffer>; dismiss(): void }>;
  /**
   * Opens it, from a byte on if that is possible.
   *
   * @param validator Of the bytes before that one, so that no others are added to them.
   */
  open(
    input: Call & {
      readonly address: InputAddress;
      readonly fromByte: number;
      readonly validator: string | null;
    },
  ): Promise<Download>;
}
