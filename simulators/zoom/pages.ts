const DEFAULT_PAGE_SIZE = 30;
const MAX_PAGE_SIZE = 300;

/** One page of a listing and the fields that tell of it; `next_page_token` is empty on the last. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly fields: {
    readonly page_count: number;
    readonly page_size: number;
    readonly total_records: number;
    readonly next_page_token: string;
  };
}

/** The page that `page_size` and `next_page_token` ask for, or `undefined` for a token never given out. */
export function paginate<Item>(all: readonly Item[], query: URLSearchParams): Page<Item> | undefined {
  const asked = Number(query.get('page_size') ?? DEFAULT_PAGE_SIZE);
  const page_size = Math.min(Math.max(Number.isInteger(asked) ? asked : DEFAULT_PAGE_SIZE, 1), MAX_PAGE_SIZE);
  const start = toOffset(query.get('next_page_token') ?? '');
  if (start === undefined || start > all.length) return undefined;
  const end = start + page_size;
  return {
    items: all.slice(start, end),
    fields: {
      page_count: Math.ceil(all.length / page_size),
      page_size,
      total_records: all.length,
      next_page_token: end < all.length ? Buffer.from(`page:${end}`).toString('base64url') : '',
    },
  };
}

/** Days in UTC, `yyyy-mm-dd`, both included. */
export interface DateSpan {
  readonly from: string;
  readonly to: string;
}

/**
 * The span that `from` and `to` ask for, each today unless given, or `undefined` if one is no date. A span of more
 * than a month is shortened to its last month without complaint, as the answer's `from` shows (field reports).
 */
export function toDateSpan(query: URLSearchParams, nowMs: number = Date.now()): DateSpan | undefined {
  const today = toDay(new Date(nowMs));
  const to = query.get('to') || today;
  const from = query.get('from') || today;
  if (!isDay(from) || !isDay(to)) return undefined;
  const monthBefore = new Date(to);
  monthBefore.setUTCMonth(monthBefore.getUTCMonth() - 1);
  const earliest = toDay(monthBefore);
  return { from: from < earliest ? earliest : from, to };
}

function toOffset(token: string): number | undefined {
  if (token === '') return 0;
  const digits = /^page:(\d+)$/.exec(Buffer.from(token, 'base64url').toString('utf8'))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

function toDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}
