/** What whoever was let in may do: everything, or only look. */
export const ROLES = ['operator', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** Somebody who was let in, by the name that the history and the audit trail know. */
export interface Holder {
  readonly name: string;
  readonly role: Role;
  /** Of whoever has a named token; it ends with it. */
  readonly tokenId?: number;
}

/** Whoever shows the ADMIN_TOKEN. */
export const ADMIN: Holder = { name: 'admin', role: 'operator' };

/** Whoever calls from this machine and shows nothing. */
export const THIS_SERVER: Holder = { name: 'this server', role: 'operator' };

/** Names that no token gets, since they mean somebody else; lower case. */
const RESERVED_NAMES = [ADMIN.name, THIS_SERVER.name, 'operator', 'an operator', 'sluice', 'nobody'];

const MAX_NAME_CHARACTERS = 60;

/** Two names are the same if only capitals differ. */
export function accessNameKey(name: string): string {
  return name.toLowerCase();
}

/** Why nobody can be called so, or `undefined`. */
export function whyNoAccessName(name: string): string | undefined {
  if (name.trim() === '' || name !== name.trim()) return 'must have characters, and no blanks around them';
  if ([...name].length > MAX_NAME_CHARACTERS) return `must have at most ${MAX_NAME_CHARACTERS} characters`;
  // Also none that change the order in which others are shown.
  if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(name)) return 'must have no invisible characters';
  if (RESERVED_NAMES.includes(accessNameKey(name))) return `must not be "${name}", which means somebody else`;
  return undefined;
}

/** A token that somebody was given; itself it is kept nowhere. */
export interface AccessToken {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, which is random enough to need no more. */
  readonly digest: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number | null;
  readonly lastUsedAtMs: number | null;
  readonly revokedAtMs: number | null;
  readonly revokedBy: string | null;
}

/** By what somebody was let in, or tried to be. */
export type WayIn = 'token' | 'session' | 'certificate' | 'this machine';

/** Something that somebody asked for. */
export interface Act {
  /** `null`: nobody knows. */
  readonly who: string | null;
  readonly role: Role | null;
  readonly way: WayIn | null;
  /** The short name of a session, by which several of one person are told apart. */
  readonly session: string | null;
  /** The address that it came from. */
  readonly caller: string;
  /** What it was, by the name of the operation. */
  readonly act: string;
  /** What it was done to: the id of a recording, the name of a token. */
  readonly subject: string | null;
  readonly outcome: 'done' | 'refused';
  /** Of the answer, if it was asked for by HTTP. */
  readonly status: number | null;
  /** Counted by the hour, like all that is refused, and not told one by one. */
  readonly isCounted?: boolean;
}

export interface AuditEntry extends Omit<Act, 'isCounted'> {
  readonly seq: number;
  readonly atMs: number;
  readonly lastAtMs: number;
  readonly times: number;
}
