#!/usr/bin/env node
/**
 * The command `sluice`. It is here before anything is built, so that nobody meets a missing file: what is not built yet
 * is built first. Readable to old Node versions, so that they get the line below and not a syntax error.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const program = join(root, 'dist/cli/main.js');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

/** Says in one line why there is no command yet, and ends. */
function giveUp(line) {
  console.error(line);
  process.exit(1);
}

if (major < 20 || (major === 20 && minor < 19)) {
  giveUp(`Sluice needs Node 20.19 or newer; this is Node ${process.versions.node} (${process.execPath}).`);
}
if (!existsSync(join(root, 'node_modules/commander'))) {
  giveUp(`The packages of Sluice are not installed: run "npm ci" in ${root}.`);
}
if (!existsSync(program)) {
  console.error('Sluice is not built yet, so that comes first ...');
  // Its words go to standard error: standard output is the command's.
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) giveUp(`Sluice could not be built, see above: run "npm run build" in ${root}.`);
}
await import(pathToFileURL(program).href);
