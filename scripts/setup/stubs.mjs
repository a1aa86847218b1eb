import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from './problem.mjs';
import { runCommand } from './run-command.mjs';

const PROTO = 'src/grpc/proto';
const STAMP = 'src/grpc/stubs/.stamp';

/** Writes the code that reads and writes what is described in the files of src/grpc/proto, if they have changed. */
export function stubsStep({ root, say }) {
  return {
    isDone: () => !existsSync(join(root, PROTO)) || readStamp(root) === hashInputs(root),
    async act() {
      say('Generating the stubs of the gRPC door (buf) ...');
      const buf = join(root, 'node_modules/@bufbuild/buf/bin/buf');
      if (!existsSync(buf)) throw new Problem('buf is not installed: run "npm run setup" first.');
      const { exitCode, output } = await runCommand(process.execPath, [buf, 'generate'], { cwd: root });
      if (exitCode !== 0) throw new Problem(`${PROTO} cannot be generated from, see above.`, { output });
      writeFileSync(join(root, STAMP), hashInputs(root));
    },
  };
}

function readStamp(root) {
  const path = join(root, STAMP);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Of the descriptions, and of what generates by which settings. */
function hashInputs(root) {
  const hash = createHash('sha256');
  const protos = readdirSync(join(root, PROTO), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const path of [...protos, join(root, 'buf.gen.yaml')]) hash.update(readFileSync(path)).update('\0');
  const { devDependencies = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of ['@bufbuild/buf', '@bufbuild/protoc-gen-es']) hash.update(`${devDependencies[name]}\0`);
  return hash.digest('hex');
}
