import { loadConfig, loadEnvFile, secretsOf } from '../config/config.ts';
import { scrubSummaries } from '../domain/errors.ts';
import { giveWay } from '../lib/give-way.ts';
import { runProcess } from '../lib/process.ts';
import { startWorker } from '../processes/worker.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createScrub } from '../telemetry/scrub.ts';

await runProcess(async () => {
  loadEnvFile();
  const config = loadConfig(process.env);
  const scrub = createScrub(secretsOf(config));
  scrubSummaries(scrub);
  giveWay(config.workerNiceness);
  const log = createLogger({ level: config.log.level, scrub, name: 'worker' });
  const { stop } = await startWorker(config, log);
  return { log, stop, stopTimeoutMs: config.shutdownTimeoutMs + 1000 };
});
