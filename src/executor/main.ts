import { parseArgs } from 'node:util';
import { KnownError } from '../domain/errors.ts';
import { runProcess } from '../lib/process.ts';
import { openExecutor, readJob } from './executor.ts';
import { listenForJobs } from './listen.ts';
import { takeJobs } from './take.ts';

const HELP = `Does steps of Sluice on another machine: no ledger, no Redis, nothing kept.

  node dist/executor/main.js                does the job in SLUICE_JOB, or on standard input, and ends
  node dist/executor/main.js --listen 9090  takes jobs by POST; one encodes at a time
  node dist/executor/main.js --server https://sluice.example
                                            comes for its work, one job after the other (EXECUTOR=workers there)

  --listen PORT   also EXECUTOR_PORT
  --host ADDRESS  to listen at (EXECUTOR_HOST, 127.0.0.1)
  --server URL    also EXECUTOR_SERVER
  --help

EXECUTOR_SECRET: what has to come as "Authorization: Bearer" with a job that is sent.
EXECUTOR_INVITATION: what "sluice workers invite" prints, for the first time that a worker comes. Its key is kept in
EXECUTOR_KEY_FILE (sluice-worker.json). EXECUTOR_NAME: what people call it (the machine's name); EXECUTOR_TASKS: what it takes. FFMPEG, FFPROBE and the other settings of ffmpeg as
they are for Sluice itself. See docs/executors.md.
`;

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        listen: { type: 'string' },
        host: { type: 'string' },
        server: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

const { listen, host, server, help } = readArguments();
const env = {
  ...process.env,
  ...(listen === undefined ? {} : { EXECUTOR_PORT: listen }),
  ...(host === undefined ? {} : { EXECUTOR_HOST: host }),
  ...(server === undefined ? {} : { EXECUTOR_SERVER: server }),
};

if (help) {
  process.stdout.write(HELP);
} else if (env.EXECUTOR_SERVER !== undefined) {
  await runProcess(async () => {
    const { settings, log, stop, tasks, attend } = await openExecutor(env);
    const taking = takeJobs({
      ...settings,
      server: settings.server ?? '',
      tasks: settings.tasks ?? tasks,
      signal: stop.signal,
      log,
      work: attend,
    });
    taking.catch((error: unknown) => {
      process.stderr.write(`${error instanceof KnownError ? error.message : String(error)}\n`);
      process.exit(1);
    });
    return {
      log,
      stopTimeoutMs: 10_000,
      async stop() {
        stop.abort(new Error('this program is stopped'));
        await taking;
      },
    };
  });
} else if (env.EXECUTOR_PORT !== undefined) {
  await runProcess(async () => {
    const { settings, log, stop, attend } = await openExecutor(env);
    const listener = await listenForJobs({
      ...settings,
      port: settings.port ?? 0,
      log,
      work: attend,
    });
    log.info({ event: 'executor.listening', host: settings.host, port: listener.port }, 'takes jobs');
    return {
      log,
      stopTimeoutMs: 10_000,
      async stop() {
        stop.abort(new Error('this program is stopped'));
        await listener.stop();
      },
    };
  });
} else {
  try {
    const { settings, work } = await openExecutor(env);
    await work(readJob(settings.job ?? (await textOf(process.stdin))));
    // What runs containers again is not to do so for what was said already.
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof KnownError ? error.message : String((error as Error).stack)}\n`);
    process.exit(1);
  }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
