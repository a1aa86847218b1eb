import { z } from 'zod';
import { WorkerSetupError } from './errors.ts';
import { LOG_LEVELS } from './log.ts';

const TRUE_WORDS = ['true', '1', 'True', 'TRUE'];
const DEFAULT_AMQP_PORT = 5672;

/** A queue that is named with `*` or `#` would take the orders of others. */
const queueName = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/, 'may have letters, digits, _ and - alone')
  .max(200);
const truth = z.string().transform((word) => TRUE_WORDS.includes(word));

const envSchema = z.object({
  AMQP_HOSTNAME: z.string().default('127.0.0.1'),
  AMQP_PORT: z.string().default('').transform(toPort),
  AMQP_TLS: truth.default(false),
  AMQP_USERNAME: z.string().default('guest'),
  AMQP_PASSWORD: z.string().default('guest'),
  AMQP_VHOST: z.string().optional(),
  AMQP_VIRTUAL_HOST: z.string().optional(),
  AMQP_QUEUE: queueName.default('job_undefined'),
  AMQP_DELIVERY_MODE: z.enum(['1', '2']).default('2'),
  AMQP_SERVER_CONFIGURATION: z.enum(['standalone', 'cluster']).default('standalone'),
  DIRECT_MESSAGING_IDENTIFIER: queueName.optional(),
  MCAI_LOG: z
    .string()
    .transform((level) => level.toLowerCase())
    .pipe(z.enum(LOG_LEVELS))
    .default('info'),
  ONLY_JSON_LOGS: truth.default(false),
  DESCRIBE: z
    .string()
    .transform((word) => ['1', 'true'].includes(word.toLowerCase()))
    .default(false),
  SOURCE_ORDERS: z
    .string()
    .transform((paths) => paths.split(':').filter((path) => path !== ''))
    .optional(),
});

export type Settings = ReturnType<typeof loadSettings>;

/** The settings of a worker, of which those set to nothing are not set; all that is wrong with them is told in one error. */
export function loadSettings(env: NodeJS.ProcessEnv) {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = envSchema.safeParse(given);
  if (!parsed.success) {
    throw new WorkerSetupError(`Invalid settings:\n${z.prettifyError(parsed.error)}`);
  }
  const e = parsed.data;
  return {
    amqp: {
      hostname: e.AMQP_HOSTNAME,
      port: e.AMQP_PORT,
      isTls: e.AMQP_TLS,
      username: e.AMQP_USERNAME,
      password: e.AMQP_PASSWORD,
      vhost: e.AMQP_VHOST ?? e.AMQP_VIRTUAL_HOST ?? '/',
      queue: e.AMQP_QUEUE,
      isPersistent: e.AMQP_DELIVERY_MODE === '2',
      isCluster: e.AMQP_SERVER_CONFIGURATION === 'cluster',
    },
    directMessagingIdentifier: e.DIRECT_MESSAGING_IDENTIFIER,
    log: { level: e.MCAI_LOG, isJson: e.ONLY_JSON_LOGS },
    describes: e.DESCRIBE,
    sourceOrders: e.SOURCE_ORDERS,
  } as const;
}

/** A port that cannot be read is the usual one, as workers of this kind have it. */
function toPort(text: string): number {
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : DEFAULT_AMQP_PORT;
}
