import { parseArgs } from 'node:util';
import { KnownError } from '../domain/errors.ts';
import { runProcess } from '../lib/process.ts';
import { openExecutor, readJob } from './executor.ts';
import { listenForJobs } from './listen.ts';

const HELP = `Does steps of Sluice on another machine: no ledger, no Redis, nothing kept.

  node dist/executor/main.js                does the job in SLUICE_JOB, or on standard input, and ends
  node dist/executor/main.js --listen 9090  takes jobs by POST; one encodes at a time

  --listen PORT   also EXECUTOR_PORT
  --host ADDRESS  to listen at (EXECUTOR_HOST, 127.0.0.1)
  --help

EXECUTOR_SECRET: what has to come as "Authorization: Bearer" with a job. FFMPEG, FFPROBE and the other settings of ffmpeg as
they are for Sluice itself. See docs/executors.md.
`;

function readArguments() {
  try {
    const { values } = parseArgs({
      options: { listen: { type: 'string' }, host: { type: 'string' }, help: { type: 'boolean' } },
    });
    return values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

const { listen, host, help } = readArguments();
const env = {
  ...process.env,
  ...(listen === undefined ? {} : { EXECUTOR_PORT: listen }),
  ...(host === undefined ? {} : { EXECUTOR_HOST: host }),
};

if (help) {
  process.stdout.write(HELP);
} else if (env.EXECUTOR_PORT !== undefined) {
  await runProcess(async () => {
    const { settings, log, stop, work } = await openExecutor(env);
    const listener = await listenForJobs({
      ...settings,
      port: settings.port ?? 0,
      log,
      work: (job) =>
        work(job).catch((error: unknown) =>
          log.error({ event: 'job.lost', err: error }, 'nobody could be told'),
        ),
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
