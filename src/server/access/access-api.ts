import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AccessRecords } from '../../desk/access-records.ts';
import { type AuditEntry, ROLES, whyNoAccessName } from '../../domain/access.ts';
import { KnownError } from '../../domain/errors.ts';
import { wallMs } from '../../lib/wall-time.ts';
import { iso, isoOrNull } from '../api/views.ts';
import { problems } from '../routes/problems.ts';
import type { Access } from './access.ts';
import { actorOf } from './operators.ts';

const time = z.iso.datetime();

const meView = z
  .object({
    name: z.string(),
    role: z.enum(ROLES).describe('viewer: may look at everything and change nothing'),
    way: z
      .enum(['token', 'session', 'certificate', 'this machine'])
      .describe('By what the request was let in'),
  })
  .meta({ id: 'Me', description: 'Who asks' });
export type MeView = z.output<typeof meView>;

const tokenView = z
  .object({
    name: z.string(),
    role: z.enum(ROLES),
    state: z.enum(['valid', 'expired', 'revoked']),
    created_at: time,
    created_by: z.string(),
    expires_at: time.nullable(),
    last_used_at: time.nullable().describe('To the minute'),
    revoked_at: time.nullable(),
    revoked_by: z.string().nullable(),
  })
  .meta({ id: 'AccessToken', description: 'A token that somebody was given; itself it is kept nowhere' });
export type AccessTokenView = z.output<typeof tokenView>;

const newToken = z
  .object({
    name: z.string().max(200).describe('Whose it is: the history and the audit trail say this name'),
    role: z.enum(ROLES).default('operator'),
    expires_at: z.iso.datetime({ offset: true }).nullable().default(null).describe('null: never'),
  })
  .meta({ examples: [{ name: 'Anna', role: 'operator', expires_at: null }] });

const entryView = z
  .object({
    seq: z.int(),
    at: time,
    last_at: time.describe('Of what is counted: the last time'),
    times: z.int(),
    who: z.string().nullable().describe('null: nobody knows'),
    role: z.enum(ROLES).nullable(),
    way: z.enum(['token', 'session', 'certificate', 'this machine']).nullable(),
    session: z.string().nullable().describe('Tells several logins of one person apart'),
    caller: z.string().describe('The address that it came from'),
    act: z.string().describe('The operationId of what was asked for'),
    subject: z.string().nullable().describe('The id of a recording, the name of a token and the like'),
    outcome: z.enum(['done', 'refused']),
    status: z.int().nullable().describe('Of the answer'),
  })
  .meta({
    id: 'AuditEntry',
    description: 'Something that somebody asked for; what is refused is counted by the hour',
  });
export type AuditEntryView = z.output<typeof entryView>;

/**
 * Who may come in, and who has done what: `GET /api/me`; `GET` and `POST /api/access/tokens`,
 * `POST /api/access/tokens/{name}/revoke` and `GET /api/audit`, which are for operators alone.
 */
export function addAccessApi(
  app: FastifyInstance,
  { access, audit }: { access: Access } & Pick<AccessRecords, 'audit'>,
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const config = { access: 'operators' } as const;

  api.get(
    '/api/me',
    {
      schema: {
        operationId: 'getMe',
        tags: ['access'],
        summary: 'Who asks, and what they may do',
        response: { 200: meView, ...problems(401, 403) },
      },
    },
    async ({ pass }) => {
      if (pass === null) throw new KnownError('Nobody was let in', { code: 'LOGIN_REQUIRED' });
      return { name: pass.holder.name, role: pass.holder.role, way: pass.way };
    },
  );

  api.get(
    '/api/access/tokens',
    {
      config,
      schema: {
        operationId: 'listAccessTokens',
        tags: ['access'],
        summary: 'The tokens that were given to people and programs, the newest first',
        response: { 200: z.object({ tokens: z.array(tokenView) }), ...problems(401, 403) },
      },
    },
    async () => ({ tokens: await views() }),
  );

  api.post(
    '/api/access/tokens',
    {
      config,
      schema: {
        operationId: 'createAccessToken',
        tags: ['access'],
        summary: 'Make a token for somebody, which is told this once',
        body: newToken,
        response: {
          201: tokenView.extend({ token: z.string().describe('Kept nowhere: it cannot be told again') }),
          ...problems(400, 401, 403, 409),
        },
      },
    },
    async (request, reply) => {
      const { role, expires_at: expiresAt } = request.body;
      const name = request.body.name.normalize('NFC');
      const why = whyNoAccessName(name);
      if (why !== undefined) throw new KnownError(`name: ${why}`, { code: 'REQUEST_INVALID' });
      const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt);
      if (expiresAtMs !== null && expiresAtMs <= wallMs()) {
        throw new KnownError('expires_at: is in the past', { code: 'REQUEST_INVALID' });
      }
      const token = await access.create({ name, role, expiresAtMs, by: actorOf(request) });
      request.subject = name;
      const view = (await views()).find((each) => each.name === name);
      if (view === undefined) throw new Error('the token is gone already');
      return reply.code(201).send({ ...view, token });
    },
  );

  api.post(
    '/api/access/tokens/:name/revoke',
    {
      config,
      schema: {
        operationId: 'revokeAccessToken',
        tags: ['access'],
        summary: 'Let a token open nothing any more; its sessions end at once',
        params: z.object({ name: z.string() }),
        response: { 200: tokenView, ...problems(401, 403, 404) },
      },
    },
    async (request) => {
      const name = request.params.name.normalize('NFC');
      const isKnown = await access.revoke(name, actorOf(request));
      const view = (await views()).find((each) => each.name.toLowerCase() === name.toLowerCase());
      if (!isKnown || view === undefined) {
        throw new KnownError(`There is no token of ${name}`, { code: 'NOT_FOUND' });
      }
      return view;
    },
  );

  api.get(
    '/api/audit',
    {
      config,
      schema: {
        operationId: 'listAudit',
        tags: ['access'],
        summary: 'Who has done what, the newest first',
        querystring: z.object({
          who: z.string().max(200).optional().describe('Only what this one has done'),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          cursor: z
            .string()
            .regex(/^\d{1,15}$/)
            .optional()
            .describe('The next_cursor of the page before'),
        }),
        response: {
          200: z.object({ entries: z.array(entryView), next_cursor: z.string().nullable() }),
          ...problems(400, 401, 403),
        },
      },
    },
    async ({ query: { who, limit, cursor } }) => {
      const beforeSeq = cursor === undefined ? undefined : Number(cursor);
      const entries = await audit.list({ limit, beforeSeq, who: who?.trim() || undefined });
      const last = entries.at(-1);
      return {
        entries: entries.map(viewEntry),
        next_cursor: last === undefined || entries.length < limit ? null : String(last.seq),
      };
    },
  );

  async function views(): Promise<AccessTokenView[]> {
    return (await access.all()).map((token) => ({
      name: token.name,
      role: token.role,
      state: token.state,
      created_at: iso(token.createdAtMs),
      created_by: token.createdBy,
      expires_at: isoOrNull(token.expiresAtMs),
      last_used_at: isoOrNull(token.lastUsedAtMs),
      revoked_at: isoOrNull(token.revokedAtMs),
      revoked_by: token.revokedBy,
    }));
  }
}

function viewEntry({ atMs, lastAtMs, ...entry }: AuditEntry): AuditEntryView {
  return { ...entry, at: iso(atMs), last_at: iso(lastAtMs) };
}
