import type { WorkerDefinition } from './definition.ts';
import type { PackageFacts } from './package-facts.ts';
import { readPackageFacts } from './package-facts.ts';
import { type JsonSchema, toJsonSchema } from './parameter-schema.ts';

/** What a worker tells of itself, word for word as it travels. */
export interface Description {
  readonly instance_id: string;
  readonly queue_name: string;
  readonly direct_messaging_queue_name: string;
  readonly label: string;
  readonly short_description: string;
  readonly description: string;
  readonly version: string;
  readonly sdk_version: string;
  readonly license?: string;
  readonly documentation?: string;
  readonly parameters: JsonSchema;
}

export function describe(
  { label, shortDescription, description, parameters }: WorkerDefinition,
  {
    facts,
    instanceId,
    queue,
    directQueue,
  }: { facts: PackageFacts; instanceId: string; queue: string; directQueue: string },
): Description {
  const name = label ?? facts.name;
  return {
    instance_id: instanceId,
    queue_name: queue,
    direct_messaging_queue_name: directQueue,
    label: name,
    short_description: shortDescription ?? facts.description,
    description: description ?? facts.description,
    version: facts.version,
    sdk_version: readPackageFacts(new URL('../package.json', import.meta.url)).version,
    ...(facts.license !== undefined && { license: facts.license }),
    ...(facts.homepage !== undefined && { documentation: facts.homepage }),
    parameters: toJsonSchema(parameters, name),
  };
}
