import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { ASSET_STATUSES, type AssetStatus } from '../../domain/asset.ts';
import { byteSize } from '../../lib/byte-size.ts';
import { askGraphql } from '../graphql.ts';
import type { Io } from '../io.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';

const scannedShape = z.object({
  scanMediaFolder: z.object({
    found: z.number(),
    registered: z.number(),
    changed: z.number(),
    skipped: z.number(),
  }),
});

const assetShape = z.object({
  id: z.string(),
  path: z.string(),
  status: z.string(),
  duration: z.number().nullable(),
  size: z.number().nullable(),
  videoCodec: z.string().nullable(),
  audioCodec: z.string().nullable(),
  error: z.string().nullable(),
  comments: z.string(),
});
type Asset = z.output<typeof assetShape>;

const pageShape = z.object({
  assetsPage: z.object({
    nodes: z.array(assetShape),
    pageInfo: z.object({ endCursor: z.string().nullable(), hasNextPage: z.boolean() }),
  }),
});

const PAGE = `query ($status: String, $search: String, $first: Int, $after: String) {
  assetsPage(status: $status, search: $search, first: $first, after: $after) {
    nodes { id path status duration size videoCodec audioCodec error comments }
    pageInfo { endCursor hasNextPage }
  }
}`;

/** So many are asked for at once. */
const MOST_AT_ONCE = 200;

interface ListOptions {
  readonly status?: AssetStatus;
  readonly search?: string;
  readonly limit: number;
}

/** `sluice library`: what lies below MEDIA_IN. */
export function addLibraryCommand(program: Command, io: Io): void {
  const library = program
    .command('library')
    .summary('what lies below MEDIA_IN')
    .description('Finds what lies below MEDIA_IN, and shows it. Nothing there is changed, moved or removed.');

  library
    .command('scan')
    .description('Looks through MEDIA_IN, with all folders below it, and registers what is new there.')
    .addHelpText('after', '\nExample:\n  sluice library scan --json | jq .registered')
    .action(async (_options: object, command: Command) => {
      const session = openSession(io, command);
      const query = 'mutation { scanMediaFolder { found registered changed skipped } }';
      const { scanMediaFolder: scanned } = await askGraphql(session, { query }, scannedShape);
      if (session.isJson) session.printJson(scanned);
      else {
        const { found, registered, changed, skipped } = scanned;
        session.print(
          `${found} files of media: ${registered} new, ${changed} written anew, ${skipped} known already.`,
        );
      }
    });

  library
    .command('list')
    .description('Shows the assets, the newest first.')
    .addOption(new Option('--status <status>', 'only those that stand so').choices([...ASSET_STATUSES]))
    .option('--search <words>', 'that all have to be in its name')
    .option('--limit <number>', 'so many at the most', readLimit, 50)
    .addHelpText(
      'after',
      '\nExamples:\n  sluice library list --status error\n  sluice library list --limit 10000 --json | jq -r .assets[].path',
    )
    .action(async (options: ListOptions, command: Command) => {
      const session = openSession(io, command);
      const assets = await readAssets(session, options);
      if (session.isJson) session.printJson({ assets });
      else session.print(...table(assets, session));
    });
}

async function readAssets(session: Session, { status, search, limit }: ListOptions): Promise<Asset[]> {
  const assets: Asset[] = [];
  for (let after: string | null = null; assets.length < limit; ) {
    const first = Math.min(MOST_AT_ONCE, limit - assets.length);
    const question: { query: string; variables: object } = {
      query: PAGE,
      variables: { status, search, first, after },
    };
    const { assetsPage: page }: z.output<typeof pageShape> = await askGraphql(session, question, pageShape);
    assets.push(...page.nodes);
    after = page.pageInfo.endCursor;
    if (!page.pageInfo.hasNextPage) break;
  }
  return assets;
}

function table(assets: readonly Asset[], session: Session): string[] {
  if (assets.length === 0) return ['There is none: "sluice library scan" looks through MEDIA_IN.'];
  return renderTable(
    assets,
    [
      { heading: 'ASSET', text: ({ id }) => id },
      { heading: 'STATUS', text: ({ status }) => status },
      { heading: 'LENGTH', text: ({ duration }) => (duration === null ? '' : lengthText(duration)) },
      { heading: 'SIZE', text: ({ size }) => (size === null ? '' : byteSize(size)) },
      {
        heading: 'CODECS',
        text: ({ videoCodec, audioCodec }) => [videoCodec, audioCodec].filter(Boolean).join(', '),
      },
      { heading: 'PATH', text: ({ path, error }) => (error === null ? path : `${path} (${error})`) },
    ],
    session,
  );
}

/** As players show it: 1:02:03. */
function lengthText(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part: number) => String(part).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function readLimit(text: string): number {
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new InvalidArgumentError('It has to be a number, 1 or more.');
}
