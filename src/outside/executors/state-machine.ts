/** `arn:aws:states:<region>:<account>:stateMachine:<name>`, and perhaps a version or an alias behind it. */
export const STATE_MACHINE_ARN =
  /^arn:(?<partition>aws[a-z-]*):states:(?<region>[a-z0-9-]+):(?<account>\d{12}):stateMachine:(?<name>[^:\s/]+)(:[^:\s]+)?$/;

/** What the machine itself is called, without a version or an alias. */
export function machineArnOf(stateMachineArn: string): string {
  return stateMachineArn.split(':').slice(0, 7).join(':');
}

/** What the execution of this name is called, whichever version of the machine it belongs to; `null` if that is none. */
export function executionArnOf(stateMachineArn: string, name: string): string | null {
  const parts = STATE_MACHINE_ARN.exec(stateMachineArn)?.groups;
  if (parts === undefined) return null;
  const { partition, region, account, name: machine } = parts;
  return `arn:${partition}:states:${region}:${account}:execution:${machine}:${name}`;
}
