import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CODE, ROOT } from '../../lib/root.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const compress = promisify(brotliCompress);

interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  /** Compressed when it is first asked for, beside everything else: it takes longer than the rest of a start. */
  packed(): Promise<Buffer>;
  readonly etag: string;
}

/** The built files of one page, kept in memory: they are few and small, and what is asked for never meets the disk. */
export interface PageFiles {
  /** Answers with the file, or with 304 if the browser has it; `false` if there is none by this name. */
  send(name: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean>;
}

/** Reads what `npm run build` has made of a page; `undefined` if it has not been run. */
export function readPageFiles(page: string): PageFiles | undefined {
  const folder = builtFolders(page).find((path) => existsSync(join(path, 'index.html')));
  if (folder === undefined) return undefined;
  const files = new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && TYPES[extname(entry.name)] !== undefined)
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(folder, path), readPageFile(path)]),
  );

  return {
    async send(name, request, reply) {
      const file = files.get(name);
      if (file === undefined) return false;
      const isPacked = /\bbr\b/.test(String(request.headers['accept-encoding'] ?? ''));
      const etag = isPacked ? `"${file.etag}-br"` : `"${file.etag}"`;
      reply
        .type(file.type)
        .header('etag', etag)
        .header('vary', 'accept-encoding')
        .header('cache-control', cacheControlOf(name));
      if (request.headers['if-none-match']?.includes(etag)) {
        reply.code(304).send();
        return true;
      }
      const body = isPacked ? await file.packed() : file.bytes;
      if (isPacked) reply.header('content-encoding', 'br');
      reply.send(body);
      return true;
    },
  };
}

/** The names under assets/ change with their content. A page is not kept: "back" shows nothing after the logout. */
function cacheControlOf(name: string): string {
  if (name.startsWith('assets/')) return 'private, max-age=31536000, immutable';
  return name.endsWith('.html') ? 'no-store' : 'no-cache';
}

function readPageFile(path: string): PageFile {
  const bytes = readFileSync(path);
  let packing: Promise<Buffer> | undefined;
  return {
    type: TYPES[extname(path)] ?? 'application/octet-stream',
    bytes,
    packed() {
      packing ??= compress(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
      return packing;
    },
    etag: createHash('sha256').update(bytes).digest('base64url').slice(0, 27),
  };
}

/** Beside the compiled server, or where the build puts it for a server that runs from its sources. */
function builtFolders(page: string): string[] {
  return [join(CODE, 'web', page), join(ROOT, 'dist/web', page)];
}
