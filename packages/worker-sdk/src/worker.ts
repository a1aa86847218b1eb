import type { z } from 'zod';
import { type Answer, presenceAnswers, type Send } from './answers.ts';
import { createBroker } from './broker.ts';
import { checkDefinition, type WorkerDefinition } from './definition.ts';
import { type Description, describe } from './description.ts';
import { type Consumption, createDesk } from './desk.ts';
import { messageOf } from './errors.ts';
import { findInstanceId } from './instance.ts';
import { createJobs } from './jobs.ts';
import { createLog } from './log.ts';
import { readPackageFacts } from './package-facts.ts';
import { loadSettings } from './settings.ts';
import { processFiles } from './source-orders.ts';
import { createStores } from './stores.ts';

export interface Worker {
  readonly description: Description;
  /** Runs it as its settings say, and resolves with its exit code. */
  run(): Promise<number>;
  /** Takes no further order, and ends when the job at hand has been answered. */
  stop(): void;
}

/** A worker with all that it is made of. Throws a `WorkerSetupError` where it, its package or its settings are wrong. */
export function createWorker<Schema extends z.ZodObject>(
  definition: WorkerDefinition<Schema>,
  {
    env,
    instanceId = findInstanceId(),
    print,
    writeLog,
  }: {
    env: NodeJS.ProcessEnv;
    instanceId?: string;
    print: (text: string) => void;
    writeLog: (line: string) => void;
  },
): Worker {
  checkDefinition(definition);
  const settings = loadSettings(env);
  const { amqp } = settings;
  const directQueue = `direct_messaging_${settings.directMessagingIdentifier ?? instanceId}`;
  const facts = readPackageFacts(definition.package);
  const description = describe(definition, { facts, instanceId, queue: amqp.queue, directQueue });
  const log = createLog({ ...settings.log, instanceId, queue: amqp.queue, write: writeLog });
  const reader = {
    schema: definition.parameters,
    jsonSchema: description.parameters,
    readStore: createStores({ env, fetch }),
  };
  let leave: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });

  async function serve(): Promise<number> {
    const { label, version } = description;
    const broker = createBroker({
      amqp,
      binding: { queue: amqp.queue, directQueue, instanceId, label, version },
      log,
    });
    const jobs = createJobs({ definition, reader, send: broker.send, log, instanceId });
    const consumption: Consumption = { ...broker, leave };
    const desk = createDesk({ jobs, send: broker.send, log, description, consumption });
    broker.start({
      take: desk.take,
      greet: async () => {
        for (const answer of presenceAnswers(description)) await broker.send(answer);
      },
    });
    await left;
    await broker.suspend().catch(() => undefined);
    await jobs.idle();
    await broker.close();
    return 0;
  }

  async function serveFiles(paths: readonly string[]): Promise<number> {
    const answers: { last?: Answer } = {};
    const send: Send = async (answer) => {
      answers.last = answer;
      log.info(`${answer.key} ${JSON.stringify(answer.body)}`);
    };
    const jobs = createJobs({ definition, reader, send, log, instanceId });
    const consumption = { isSuspended: () => false, suspend: async () => {}, resume: async () => {}, leave };
    const desk = createDesk({ jobs, send, log, description, consumption });
    await send({ exchange: 'worker_response', key: 'worker_created', body: description, isLasting: false });
    if (!(await initializes())) return 1;
    return (await processFiles(paths, { desk, answers, log })) ? 0 : 1;
  }

  async function initializes(): Promise<boolean> {
    try {
      await definition.init?.();
      return true;
    } catch (error) {
      log.error(`The worker does not start: ${messageOf(error)}`);
      return false;
    }
  }

  return {
    description,
    async run() {
      if (settings.describes) {
        print(`${JSON.stringify(description, null, 2)}\n`);
        return 0;
      }
      if (settings.sourceOrders !== undefined) return serveFiles(settings.sourceOrders);
      return (await initializes()) ? serve() : 1;
    },
    stop: () => leave(),
  };
}
