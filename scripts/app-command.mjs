/** Prints the command by which ecosystem.config.js runs an app, for a shell: see run-app.sh. */
import { dirname } from 'node:path';

const root = dirname(import.meta.dirname);
const [, , name] = process.argv;

function quote(text) {
  return `'${String(text).replaceAll("'", `'\\''`)}'`;
}

/** The command line of an app, which takes the place of the shell that runs it. */
function commandOf({ script, interpreter, node_args: nodeArgs = [], args = [], env = {} }) {
  const program = interpreter === 'none' ? [script] : [interpreter, ...nodeArgs, script];
  const settings = Object.entries(env).map(([key, value]) => `export ${key}=${quote(value)};`);
  return [`cd ${quote(root)};`, ...settings, 'exec', ...[...program, ...args].map(quote)].join(' ');
}

// Of all that systemd starts, one says what is odd about the settings.
if (name !== 'pipeline') process.env.SLUICE_SETTINGS_TOLD = 'yes';
const { apps } = await import('../ecosystem.config.js').catch((error) => {
  console.error(error.message);
  process.exit(1);
});
const app = apps.find((each) => each.name === name);
if (app !== undefined) {
  console.log(commandOf(app));
} else if (name === 'redis') {
  console.error('REDIS_URL names a Redis, so this one is not needed.');
  console.log('exit 0');
} else {
  console.error(`There is no app ${name}: there are redis, ${apps.map((each) => each.name).join(', ')}.`);
  process.exitCode = 1;
}
