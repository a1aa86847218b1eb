import { type ErrorCode, speaksOfBytes } from './error-catalogue.ts';

/**
 * Whether trying again can help: never; with the usual backoff; with it, and not before a delay; or after a delay that
 * costs no attempt, because it is the world that is not ready (a full disk, a service that is down).
 */
export type Retry = 'never' | 'backoff' | { readonly afterMs: number } | { readonly waitMs: number };

export interface KnownErrorOptions {
  readonly code: ErrorCode;
  /** Default `never`. */
  readonly retry?: Retry;
  readonly cause?: unknown;
  /** Facts for the log and the ledger; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly words?: ErrorWords;
}

/** What people are told of a code, in place of what the catalogue says, where more is known of the case. */
export interface ErrorWords {
  readonly title: string;
  readonly advice: string;
}

/**
 * A failure that this program foresees. The message is for people; the code is stable, and is explained in
 * docs/errors.md. Anything else that is thrown is a bug, and is logged as one.
 */
export class KnownError extends Error {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly details: Readonly<Record<string, unknown>>;
  readonly words: ErrorWords | undefined;

  constructor(message: string, options: KnownErrorOptions) {
    super(message, { cause: options.cause });
    this.name = 'KnownError';
    this.code = options.code;
    this.retry = options.retry ?? 'never';
    this.details = options.details ?? {};
    this.words = options.words;
  }
}

/** The error of a worker that is no longer the one at the gate. */
export function leaseLost(): KnownError {
  return new KnownError('Another worker has taken over this recording', { code: 'LEASE_LOST' });
}

/** The error of a recording that an operator wants to stop. */
export function stopAsked(): KnownError {
  return new KnownError('An operator has asked for this recording to stop', { code: 'STOP_ASKED' });
}

export function hasCode(error: unknown, code: ErrorCode): error is KnownError {
  return error instanceof KnownError && error.code === code;
}

/** The codes that say that a service is not well, rather than that one recording is not. */
const OUTAGES: readonly ErrorCode[] = [
  'REMOTE_UNAVAILABLE',
  'REMOTE_THROTTLED',
  'REMOTE_UNAUTHORIZED',
  'REMOTE_CAP_EXCEEDED',
  'TRANSFER_STALLED',
  'FOLDER_FULL',
  'FOLDER_UNUSABLE',
];

/** Whether an error speaks of the service and would meet every other recording as well. */
export function isOutage(error: unknown): error is KnownError {
  return error instanceof KnownError && OUTAGES.includes(error.code);
}

/** Whether an error says that the bytes themselves are not the recording. */
export function isAboutBytes(error: unknown): boolean {
  return error instanceof KnownError && speaksOfBytes(error.code);
}

/** What the ledger keeps of an error, and what people are shown: no stack, no secret. */
export interface ErrorSummary {
  readonly code: ErrorCode;
  readonly message: string;
  /** The service that is left alone, where that is the reason. */
  readonly service?: string;
}

let withoutSecrets = (text: string): string => text;

/**
 * Sets how this process blanks its secrets out of what it keeps and shows of errors: others write parts of their
 * messages. Each main does so once, before anything can fail.
 */
export function scrubSummaries(scrub: (text: string) => string): void {
  withoutSecrets = scrub;
}

/** A text of others without what is secret. */
export function scrubbed(text: string): string {
  return withoutSecrets(text);
}

/** Sums an error up; one that nobody foresaw becomes `UNEXPECTED`. */
export function summarize(error: unknown): ErrorSummary {
  const message = withoutSecrets(error instanceof Error ? error.message : String(error));
  if (!(error instanceof KnownError)) return { code: 'UNEXPECTED', message };
  const { service } = error.details;
  const isOfService = error.code === 'SERVICE_DOWN' && typeof service === 'string';
  return { code: error.code, message, ...(isOfService ? { service } : {}) };
}

/** The `code` of a system error such as `ENOENT`, or `undefined`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** How soon what our own disk could not do is tried again, in milliseconds. */
const DISK_PAUSE_MS = 30_000;

/** The same of a ledger that another process is writing to. */
const BUSY_PAUSE_MS = 1000;

/** What systems and SQLite say where there is no room: no block, no inode or a quota is used up. */
const NO_ROOM: readonly string[] = ['ENOSPC', 'EDQUOT', 'SQLITE_FULL'];

/** What they say where it is this machine that cannot, whatever was asked of it. */
const MACHINE: readonly string[] = ['EROFS', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EAGAIN'];

/** What SQLite says of the machine or its file, rather than of a statement; each may go on with `_` and a reason. */
const SQLITE_MACHINE = /^SQLITE_(IOERR|CANTOPEN|READONLY|NOMEM|PROTOCOL|PERM|CORRUPT|NOTADB)/;

/**
 * What a system error says of this machine rather than of what was being done: no room, a broken disk, no more files, a
 * ledger that is busy. It costs no recording an attempt, and is gone once somebody has seen to it; `undefined` for any
 * other error, and for one that is ours already.
 */
export function machineTrouble(error: unknown): KnownError | undefined {
  if (error instanceof KnownError) return undefined;
  const code = systemCode(error);
  if (code === undefined) return undefined;
  const words = error instanceof Error ? error.message : code;
  const known = (ours: ErrorCode, message: string, waitMs: number): KnownError =>
    new KnownError(message, { code: ours, retry: { waitMs }, cause: error, details: { system: code } });

  if (NO_ROOM.includes(code)) return known('DISK_FULL', `The disk is full (${words})`, DISK_PAUSE_MS);
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return known('LEDGER_BUSY', `Another process keeps the ledger (${words})`, BUSY_PAUSE_MS);
  }
  if (MACHINE.includes(code) || SQLITE_MACHINE.test(code)) {
    return known('DISK_UNUSABLE', `This machine cannot use its disk (${words})`, DISK_PAUSE_MS);
  }
  return undefined;
}

/** The error itself, or what it says of this machine. */
export function orMachineTrouble(error: unknown): unknown {
  return machineTrouble(error) ?? error;
}

/** The codes that say that this machine cannot, rather than that a recording or a service is not well. */
const MACHINE_CODES: readonly ErrorCode[] = ['DISK_FULL', 'DISK_UNUSABLE', 'LEDGER_BUSY', 'LEDGER_AWAY'];

/** An error of ours that speaks of this machine. */
export type MachineTrouble = KnownError & { readonly retry: { readonly waitMs: number } };

export function isMachineTrouble(error: unknown): error is MachineTrouble {
  return error instanceof KnownError && MACHINE_CODES.includes(error.code);
}
