import { type ValueNode, valueFromASTUntyped } from 'graphql/index.js';
import type { AssetPlayers } from '../desk/asset-players.ts';
import type { Control } from '../desk/control.ts';
import type { AssetInSight, Library } from '../desk/library.ts';
import type { Query } from '../desk/query.ts';
import { ASSET_STATUSES, JOB_STATUSES } from '../domain/asset.ts';
import { playerIn } from '../domain/asset-player.ts';
import { adviceFor, ERROR_CATALOGUE, type ErrorCode } from '../domain/error-catalogue.ts';
import { KnownError } from '../domain/errors.ts';
import type { NewPreset } from '../domain/preset.ts';
import { MOST_FIRST } from './limits.ts';
import { invalid, type PresetFields, paramsOf, viewAsset, viewJob, viewPlayer, viewPreset } from './views.ts';

/** What the resolvers stand on. */
export interface ResolverOptions {
  readonly library: Library;
  readonly players: Pick<AssetPlayers, 'of'>;
  readonly query: Pick<Query, 'presets' | 'status'>;
  readonly presets: Control['presets'];
  readonly version: string;
}

/** What is known of a request. */
export interface Context {
  /** The name by which the history knows whoever asks. */
  readonly by: string;
  /** Says what is done something to, for the audit trail. */
  readonly concerns: (subject: string) => void;
}

interface ListArgs {
  readonly status?: string | null;
  readonly search?: string | null;
  readonly first?: number | null;
  readonly after?: string | null;
}

interface PresetInput extends PresetFields {
  readonly name: string;
  readonly description: string | null;
  readonly task: string | null;
}

/** A comment is no book. */
const MOST_COMMENT = 10_000;

/** Questions that are asked of many at once, by a loader each, so that a list costs no more of them than one item. */
type Asked<T, P = unknown> = readonly { readonly obj: T; readonly params: P }[];

export function createResolvers({ library, players, query, presets, version }: ResolverOptions) {
  const jobView = (job: Parameters<typeof viewJob>[0]) => viewJob(job, adviceOf);

  async function assetOf(id: string) {
    const [asset] = await library.readAssets([id]);
    if (asset === undefined) throw noSuch('asset', id);
    return viewAsset(asset);
  }

  const resolvers = {
    JSON: { parseLiteral: (node: ValueNode) => valueFromASTUntyped(node) },
    Moment: {
      parseValue: momentOf,
      parseLiteral: (node: ValueNode) => momentOf(valueFromASTUntyped(node)),
    },

    Query: {
      async assets(_: unknown, { after: _after, ...args }: ListArgs) {
        return (await library.listAssets(listOf(args, ASSET_STATUSES))).items.map(viewAsset);
      },
      async assetsPage(_: unknown, args: ListArgs) {
        const { items, isLast } = await library.listAssets(listOf(args, ASSET_STATUSES));
        return { nodes: items.map(viewAsset), pageInfo: pageInfo(items, isLast) };
      },
      asset: (_: unknown, { id }: { id: string }) => assetOf(id),

      async jobs(_: unknown, { after: _after, ...args }: ListArgs) {
        return (await library.listJobs(listOf(args, JOB_STATUSES))).items.map(jobView);
      },
      async jobsPage(_: unknown, args: ListArgs) {
        const { items, isLast } = await library.listJobs(listOf(args, JOB_STATUSES));
        return { nodes: items.map(jobView), pageInfo: pageInfo(items, isLast) };
      },
      async job(_: unknown, { id }: { id: string }) {
        const [job] = await library.readJobs([id]);
        if (job === undefined) throw noSuch('job', id);
        return jobView(job);
      },

      presets: async () => (await query.presets.all()).map(viewPreset),
      preset: async (_: unknown, { id }: { id: string }) => viewPreset(await query.presets.get(id)),

      async systemStatus() {
        const { troubles } = await query.status.vitals();
        const told = troubles.map(({ title }) => title);
        return { status: told.length === 0 ? 'ok' : 'trouble', version, troubles: told };
      },
    },

    Mutation: {
      scanMediaFolder: () => library.scan(),

      async createJob(
        _: unknown,
        { input }: { input: { sourceAssetId: string; presetId: string } },
        of: Context,
      ) {
        of.concerns(input.sourceAssetId);
        return jobView(await library.startJob(input.sourceAssetId, input.presetId));
      },
      async createTrimJob(
        _: unknown,
        {
          input,
        }: {
          input: {
            sourceAssetId: string;
            start?: string | number | null;
            end?: string | number | null;
            reencode: boolean | null;
          };
        },
        of: Context,
      ) {
        const { sourceAssetId, start, end, reencode } = input;
        of.concerns(sourceAssetId);
        const part = { start: start ?? undefined, end: end ?? undefined, isEncoded: reencode === true };
        return jobView(await library.startPart(sourceAssetId, part));
      },
      async cancelJob(_: unknown, { id }: { id: string }, of: Context) {
        of.concerns(id);
        return jobView(await library.cancelJob(id, of.by));
      },
      async retryJob(_: unknown, { id }: { id: string }, of: Context) {
        of.concerns(id);
        return jobView(await library.retryJob(id, of.by));
      },

      async updateAsset(_: unknown, { id, comments }: { id: string; comments: string }, of: Context) {
        of.concerns(id);
        if (comments.length > MOST_COMMENT || /\0/.test(comments)) {
          throw invalid(`comments: has to be text of ${MOST_COMMENT} characters at the most`);
        }
        return viewAsset(await library.comment(id, comments.toWellFormed()));
      },
      async deleteAsset(_: unknown, { id }: { id: string }, of: Context) {
        of.concerns(id);
        await library.forget(id, of.by);
        return { ok: true };
      },

      async createPreset(_: unknown, { input }: { input: PresetInput }, of: Context) {
        const { name, description, task, ...fields } = input;
        of.concerns(name);
        const preset: NewPreset = {
          name,
          description: description ?? '',
          task: task ?? 'transcode',
          params: paramsOf(task ?? 'transcode', fields),
        };
        return viewPreset(await presets.create(preset, of.by));
      },
      async updatePreset(
        _: unknown,
        { id, input }: { id: string; input: Partial<PresetInput> },
        of: Context,
      ) {
        of.concerns(id);
        const before = await query.presets.get(id);
        const { description, task, ...fields } = input;
        const wanted = task ?? before.task;
        // Those of another task would mean nothing to this one.
        const params = paramsOf(wanted, fields, wanted === before.task ? before.params : {});
        return viewPreset(
          await presets.change(
            { name: id, description: description ?? before.description, task: wanted, params },
            of.by,
          ),
        );
      },
      async deletePreset(_: unknown, { id }: { id: string }, of: Context) {
        of.concerns(id);
        await presets.remove(id, of.by);
        return { ok: true };
      },
    },
  };

  const loaders = {
    Asset: {
      jobs: {
        async loader(asked: Asked<{ id: string }, { first?: number | null }>) {
          const most = Math.max(...asked.map(({ params }) => firstOf(params.first ?? 20)));
          const ids = [...new Set(asked.map(({ obj }) => obj.id))];
          const found = await library.jobsOf(ids, most);
          return asked.map(({ obj, params }) =>
            (found.get(obj.id) ?? []).slice(0, firstOf(params.first ?? 20)).map(jobView),
          );
        },
        opts: { cache: false },
      },
      player: {
        async loader(asked: Asked<ReturnType<typeof viewAsset>>) {
          const found = await players.of([...new Set(asked.map(({ obj }) => obj.id))]);
          return asked.map(({ obj }) => viewPlayer(obj, found.get(obj.id) ?? playerIn([])));
        },
        opts: { cache: false },
      },
    },
    Job: {
      asset: {
        async loader(asked: Asked<{ sourceAssetId: string }>) {
          const ids = [...new Set(asked.map(({ obj }) => obj.sourceAssetId))];
          const found = new Map((await library.readAssets(ids)).map((asset) => [asset.id, viewAsset(asset)]));
          return asked.map(({ obj }) => found.get(obj.sourceAssetId) ?? null);
        },
        opts: { cache: false },
      },
      preset: {
        async loader(asked: Asked<{ presetId: string | null }>) {
          const found = new Map(
            (await query.presets.all()).map((preset) => [preset.name, viewPreset(preset)]),
          );
          return asked.map(({ obj }) => found.get(obj.presetId ?? '') ?? null);
        },
        opts: { cache: false },
      },
    },
  };

  return { resolvers, loaders };
}

function noSuch(what: string, id: string): KnownError {
  return new KnownError(`There is no ${what} ${id}`, { code: 'NOT_FOUND' });
}

/** @throws KnownError `REQUEST_INVALID` */
function listOf<Status extends string>(
  { status, search, first, after }: ListArgs,
  statuses: readonly Status[],
) {
  const known = statuses.find((each) => each === status);
  if (status != null && known === undefined) {
    throw invalid(`status: ${JSON.stringify(status)} is none: there are ${statuses.join(', ')}`);
  }
  if (search != null && search.length > 200) throw invalid('search: has to be 200 characters at the most');
  return {
    status: known,
    text: search?.trim() ? search : undefined,
    limit: firstOf(first ?? 50),
    beforeSeq: after == null ? undefined : seqOf(after),
  };
}

/** @throws KnownError `REQUEST_INVALID` */
function firstOf(first: number): number {
  if (first >= 1 && first <= MOST_FIRST) return first;
  throw invalid(`first: has to be from 1 to ${MOST_FIRST}`);
}

const CURSOR = 'seq:';

function pageInfo(items: readonly Pick<AssetInSight, 'seq'>[], isLast: boolean) {
  const last = items.at(-1);
  return {
    endCursor: last === undefined ? null : Buffer.from(`${CURSOR}${last.seq}`).toString('base64url'),
    hasNextPage: !isLast,
  };
}

/** @throws KnownError `REQUEST_INVALID` */
function seqOf(cursor: string): number {
  const [, seq] = /^seq:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq === undefined) throw invalid('after: is not the endCursor of a page');
  return Number(seq);
}

function momentOf(value: unknown): string | number {
  if (typeof value === 'string' || (typeof value === 'number' && value >= 0)) return value;
  throw invalid('A moment is seconds, or text such as 55, 00:01:14.5, 200ms or 50%');
}

function adviceOf({ code }: { code: string }): string | null {
  return Object.hasOwn(ERROR_CATALOGUE, code) ? adviceFor(code as ErrorCode, 'failed') : null;
}
