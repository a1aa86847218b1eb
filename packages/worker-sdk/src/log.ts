/** From all to the least. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Says what happens, of one job or of the worker itself. */
export type Log = { readonly [Level in LogLevel]: (text: string) => void } & {
  /** The same log, whose lines carry the number of this job. */
  ofJob(jobId: number): Log;
};

export interface LogOptions {
  readonly level: LogLevel;
  /** Each line is JSON, for machines alone. */
  readonly isJson: boolean;
  readonly instanceId: string;
  readonly queue: string;
  readonly write: (line: string) => void;
  readonly now?: () => Date;
}

/** `-1` stands where a line is about no job. */
const NO_JOB_ID = -1;

export function createLog(options: LogOptions, jobId = NO_JOB_ID): Log {
  const { level: least, isJson, instanceId, queue, write, now = () => new Date() } = options;
  const at = (level: LogLevel) => (text: string) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    const [time, name] = [now().toISOString(), level.toUpperCase()];
    const line = isJson
      ? JSON.stringify({ time, instance_id: instanceId, queue, job_id: jobId, level: name, message: text })
      : `${time} - ${instanceId} - ${queue} - ${jobId} - ${name} - ${text.replaceAll(/\r?\n/g, '\\n')}`;
    write(`${line}\n`);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    ofJob: (id) => createLog(options, id),
  };
}
