import { loadConfig, loadEnvFile, secretsOf } from '../config/config.ts';
import { runProcess } from '../lib/process.ts';
import { createLogger } from '../telemetry/logger.ts';
import { startWorker } from './compose.ts';

await runProcess(async () => {
  loadEnvFile();
  const config = loadConfig(process.env);
  const log = createLogger({ level: config.log.level, secrets: secretsOf(config), name: 'worker' });
  const { stop } = await startWorker(config, log);
  return { log, stop, stopTimeoutMs: config.shutdownTimeoutMs + 1000 };
});
