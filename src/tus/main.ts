import { loadConfig, loadEnvFile, secretsOf } from '../config/config.ts';
import { scrubSummaries } from '../domain/errors.ts';
import { runProcess } from '../lib/process.ts';
import { startTus } from '../processes/tus.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createScrub } from '../telemetry/scrub.ts';

await runProcess(async () => {
  loadEnvFile();
  const config = loadConfig(process.env);
  const scrub = createScrub(secretsOf(config));
  scrubSummaries(scrub);
  const log = createLogger({ level: config.log.level, scrub, name: 'tus' });
  const { stop } = await startTus(config, log);
  return { log, stop, stopTimeoutMs: config.shutdownTimeoutMs };
});
