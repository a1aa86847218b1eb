import { type LogLine, readLogLine } from './log-line.ts';

/** Puts lines of a log on one line each for people, with what they say beside their message. */
export async function createReadable({
  isColoured,
}: {
  readonly isColoured: boolean;
}): Promise<(line: LogLine) => string> {
  // Loaded where it is needed: every command would begin later by it.
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize: isColoured,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  return ({ app, fields: { app: _app, ...fields } }) => String(pretty({ ...fields, name: app }));
}

/** The same for lines as they are written, without the end of the line. */
export async function readableLog(options: {
  readonly isColoured: boolean;
}): Promise<(text: string) => string> {
  const readable = await createReadable(options);
  return (text) =>
    readable(readLogLine(text, { app: 'sluice', level: 'info', timeMs: Date.now() })).replace(/\n$/, '');
}
