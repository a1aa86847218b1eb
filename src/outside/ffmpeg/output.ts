import type { Readable } from 'node:stream';

/** More of one line is not kept, in characters. */
const MAX_LINE = 2000;

/** As many of its last lines are kept. */
const MAX_LINES = 40;

/** Calls with each line of what a process writes, whatever it ends lines with. */
export function eachLine(stream: Readable, read: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split(/[\r\n]+/);
    rest = (lines.pop() ?? '').slice(-MAX_LINE);
    for (const line of lines) if (line !== '') read(line.slice(0, MAX_LINE));
  });
  stream.on('end', () => {
    if (rest !== '') read(rest);
  });
}

/** Reads what `-progress` says: lines of `key=value`. */
export function readProgress(onProgress: (outTimeS: number) => void = () => {}) {
  let outTimeS = 0;
  let isEnded = false;
  return {
    read(line: string): void {
      const [key, value = ''] = line.split('=');
      if (key === 'progress') isEnded = value.trim() === 'end';
      if (key !== 'out_time_us') return;
      // It can be missing, and below zero at the start.
      const seconds = Number(value) / 1_000_000;
      if (!(seconds > outTimeS)) return;
      outTimeS = seconds;
      onProgress(seconds);
    },
    outTimeS: () => outTimeS,
    /** It has come to the end of what it had to do. */
    isEnded: () => isEnded,
  };
}

const WORK = /^bench: utime=([\d.]+)s stime=([\d.]+)s/;
const MEMORY = /^bench: maxrss=(\d+)\s*ki?B/i;
const CORRUPT = /corrupt|non-?monoton|error while decoding|invalid nal|concealing/i;

/** Reads what it says of itself: what it has cost, what it complains of, and its last words. */
export function readReport() {
  const lines: string[] = [];
  let cpuS: number | undefined;
  let peakRssBytes: number | undefined;
  let corruptCount = 0;
  return {
    read(line: string): void {
      const work = WORK.exec(line);
      const memory = MEMORY.exec(line);
      if (work !== null) cpuS = Math.round(1000 * (Number(work[1]) + Number(work[2]))) / 1000;
      if (memory !== null) peakRssBytes = Number(memory[1]) * 1024;
      if (work !== null || memory !== null) return;
      if (CORRUPT.test(line)) corruptCount += 1;
      lines.push(line);
      if (lines.length > MAX_LINES) lines.shift();
    },
    lastLines: (): readonly string[] => lines,
    corruptCount: () => corruptCount,
    /** `undefined` of one that was killed. */
    cost: () => (cpuS === undefined || peakRssBytes === undefined ? undefined : { cpuS, peakRssBytes }),
  };
}
