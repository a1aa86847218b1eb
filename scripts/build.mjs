import { createHash } from 'node:crypto';
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { withLock } from './setup/lock.mjs';
import { exitCodeOf, Problem } from './setup/problem.mjs';
import { runCommand } from './setup/run-command.mjs';
import { stubsStep } from './setup/stubs.mjs';

const STAMP = '.build-stamp';
const IS_COMPILED = /\.[cm]?tsx?$/;

/** What is started or looked for by its path: the rest of the code goes into what these share. */
const ENTRIES = [/(^|\/)([a-z]+-)?main\.js$/, /^tasks\/[^/]+\.js$/, /^cli\/logs\/readable\.js$/];

/**
 * Packages that stay where they are: some look for compiled code beside themselves, the others are loaded on demand alone, and of
 * those that are no modules only Node itself then knows the names.
 */
const OUTSIDE = [
  ...['libsql', 'msgpackr-extract', 'nodemailer', 'pg', 'pino-pretty', '@opentelemetry/*'],
  // What mercurius loads so.
  'quick-lru',
];

/** What packages that are no modules expect to be there. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const HELP = `Compiles src to dist, each process with the packages that it needs in few files, copies what is not TypeScript, and builds the pages of web, if anything has changed since the last time.

Usage: node scripts/build.mjs [--force] [--crash-points FOLDER] [--help]

  --crash-points FOLDER  builds the tests' copy there instead, whose processes die at the crash point they are told`;

/** The build, as a step of the set-up. A failed one leaves dist as it was. */
export function buildStep({ root, say }) {
  return {
    isDone: () => readStamp(join(root, 'dist')) === hashInputs(root),
    async act() {
      say('Compiling src to dist (tsc) ...');
      if (listPages(root).length > 0) say('Building web to dist/web (vite) ...');
      await build({ root, dist: join(root, 'dist'), hash: hashInputs(root), say, withPages: true });
    },
  };
}

/** The tests' copy: the product but for its crash points, which do nothing there and end the process here. */
function crashCopyStep({ root, dist, say }) {
  const crashPoint = join(root, 'test/support/crash-point.mjs');
  const hashAll = () =>
    `${hashInputs(root)} ${createHash('sha256').update(readFileSync(crashPoint)).digest('hex')}`;
  return {
    isDone: () => readStamp(dist) === hashAll(),
    async act() {
      say(`Compiling src to ${dist} with crash points (tsc) ...`);
      const prepare = (compiled) => copyFileSync(crashPoint, join(compiled, 'lib/crash-point.js'));
      await build({ root, dist, hash: hashAll(), say, prepare });
      copyFileSync(join(root, 'package.json'), join(dirname(dist), 'package.json'));
    },
  };
}

/** A hash of all that decides what dist holds: names and contents of the sources, settings, packages, this script. */
export function hashInputs(root) {
  const settings = readdirSync(root).filter((name) => /^tsconfig.*\.json$/.test(name));
  const files = ['package.json', 'package-lock.json', 'buf.gen.yaml', ...settings].map((name) =>
    join(root, name),
  );
  files.push(...listFiles(join(root, 'web')));
  const hash = createHash('sha256').update(readFileSync(import.meta.filename));

  const sources = listSources(root).filter((path) => !isGenerated(root, path));
  for (const path of [...files.filter((file) => existsSync(file)), ...sources].sort()) {
    const content = readFileSync(path);
    hash.update(`\0${relative(root, path)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** Builds beside `dist` and moves the result into its place, so that it is never half of one thing. */
async function build({ root, dist, hash, say, withPages = false, prepare = () => {} }) {
  const [compiled, next, previous] = ['compiled', 'next', 'previous'].map((name) =>
    join(dirname(dist), `.${basename(dist)}-${name}`),
  );
  const removeLeftovers = () => {
    for (const folder of [compiled, next, previous]) rmSync(folder, { recursive: true, force: true });
  };
  const stubs = stubsStep({ root, say });
  if (!stubs.isDone()) await stubs.act();
  const sources = listSources(root);

  removeLeftovers();
  try {
    mkdirSync(next, { recursive: true });
    writeFileSync(join(next, '.gitignore'), '*\n');
    if (sources.some((path) => IS_COMPILED.test(path))) {
      await compile({ root, outDir: compiled });
      prepare(compiled);
      await bundle({ from: compiled, outDir: next });
    }
    for (const path of sources.filter((path) => !IS_COMPILED.test(path))) {
      copyAsset(path, join(next, relative(join(root, 'src'), path)));
    }
    for (const page of withPages ? listPages(root) : []) await compilePage({ root, page, outDir: next });
    writeFileSync(join(next, STAMP), hash);

    if (existsSync(dist)) renameSync(dist, previous);
    renameSync(next, dist);
  } finally {
    removeLeftovers();
  }
}

async function compile({ root, outDir }) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  if (!existsSync(tsc)) throw new Problem('The compiler is not installed: run "npm run setup" first.');
  const colour = process.stdout.isTTY ? ['--pretty'] : [];
  const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', outDir, ...colour];

  const { exitCode, output } = await runCommand(process.execPath, args, { cwd: root });
  if (exitCode !== 0) throw new Problem('src does not compile, see above; dist is as it was.', { output });
}

/** A process starts sooner from a few files than from a thousand, its own and those of its packages. */
async function bundle({ from, outDir }) {
  const isEntry = (path) => ENTRIES.some((entry) => entry.test(relative(from, path)));
  const esbuild = await import('esbuild');
  const { metafile } = await esbuild.build({
    entryPoints: listFiles(from).filter(isEntry),
    outbase: from,
    outdir: outDir,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: 'linked',
    sourcesContent: false,
    external: OUTSIDE,
    metafile: true,
    banner: { js: REQUIRE },
    legalComments: 'none',
    logLevel: 'warning',
  });
  // Not "below node_modules": the tests' copy is itself compiled there.
  const isOurs = (path) => !relative(realpathSync(from), realpathSync(path)).startsWith('..');
  const onDemand = Object.values(metafile.inputs)
    .flatMap(({ imports }) => imports)
    .filter(({ kind, path, external }) => kind === 'dynamic-import' && !external && !isOurs(path));
  if (onDemand.length > 0) {
    throw new Problem(
      `What is loaded on demand stays outside of what is put together (OUTSIDE in scripts/build.mjs): ${onDemand.map(({ path }) => path).join(', ')}`,
    );
  }
}

/** A page of web/ becomes a folder of dist/web. */
async function compilePage({ root, page, outDir }) {
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  if (!existsSync(vite)) throw new Problem('Vite is not installed: run "npm run setup" first.');
  // The dashboard lies at the root; any other page, with all that belongs to it, below its own path.
  const base = page === 'dashboard' ? '/' : `/${page}/`;
  const settings = ['--config', 'web/vite.config.js', '--base', base, '--logLevel', 'warn'];
  const args = [vite, 'build', join('web', page), ...settings, '--outDir', join(outDir, 'web', page)];

  const { exitCode, output } = await runCommand(process.execPath, args, { cwd: root });
  if (exitCode !== 0) throw new Problem('web does not compile, see above; dist is as it was.', { output });
}

function copyAsset(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    throw new Problem(`${from} would replace what is compiled from TypeScript: rename one of the two.`);
  }
}

/** All files under src, sorted, without hidden ones. */
function listSources(root) {
  return listFiles(join(root, 'src'));
}

/** What is generated from others, which are sources themselves. */
function isGenerated(root, path) {
  return path.startsWith(join(root, 'src/grpc/stubs/'));
}

/** The folders of web that hold a page. */
function listPages(root) {
  const web = join(root, 'web');
  return existsSync(web)
    ? readdirSync(web)
        .filter((name) => existsSync(join(web, name, 'index.html')))
        .sort()
    : [];
}

function listFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function readStamp(dist) {
  const path = join(dist, STAMP);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

async function main(given) {
  const at = given.indexOf('--crash-points');
  const args = at < 0 ? given : given.toSpliced(at, 2);
  const unknown = args.find((arg) => !['--force', '--help', '-h'].includes(arg));
  if (unknown !== undefined) throw new Problem(`Unknown option ${unknown}. See --help.`, { exitCode: 2 });
  if (args.includes('--help') || args.includes('-h')) return console.log(HELP);
  if (at >= 0 && !given[at + 1])
    throw new Problem('--crash-points takes a folder. See --help.', { exitCode: 2 });

  const root = dirname(import.meta.dirname);
  const say = (line) => console.log(line);
  const step = at < 0 ? buildStep({ root, say }) : crashCopyStep({ root, dist: resolve(given[at + 1]), say });
  const isDone = () => !args.includes('--force') && step.isDone();
  if (isDone()) return say(`${at < 0 ? 'dist' : given[at + 1]} is up to date.`);
  await withLock({ root, say, action: async () => (isDone() ? undefined : step.act()) });
}

const [, script] = process.argv;
if (script !== undefined && existsSync(script) && realpathSync(script) === import.meta.filename) {
  process.exitCode = await exitCodeOf(() => main(process.argv.slice(2)));
}
