import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { FileReport } from '../../domain/media/file-report.ts';
import { withSnakeKeys } from '../../domain/snake-keys.ts';
import type { Io } from '../io.ts';
import { openSession } from '../session.ts';

const NOTES = `
It looks at the file as steps do before they work on it, decodes nothing, and needs no running Sluice. The GOP is the longest
way from one keyframe to the next: a segment of a copied film cannot be shorter.

Examples:
  sluice probe /srv/videos/algebra-1.mp4
  sluice probe algebra-1.mov --json | jq .video.longest_gop_s`;

/** `sluice probe FILE`: what is in a file of this machine, and what can be made of it. */
export function addProbeCommand(program: Command, io: Io): void {
  program
    .command('probe')
    .summary('what is in a file, and whether it can be copied')
    .description('Says what is in a file of this machine, and whether it can be packaged as it is.')
    .argument('<file>', 'on this machine')
    .addHelpText('after', NOTES)
    .action(async (file: string, _options: object, command: Command) => {
      const session = openSession(io, command);
      const report = await io.probeFile(resolve(io.cwd, file));
      if (session.isJson) session.printJson(withSnakeKeys(report));
      else session.print(...linesOf(report));
    });
}

function linesOf(report: FileReport): string[] {
  const { video, audio, whyNotCopied, whyRefused } = report;
  const lines: [string, string][] = [
    ['container', report.container],
    ['length', report.durationS === null ? 'unknown' : `${report.durationS.toFixed(3)} s`],
    ['size', `${report.bytes} bytes${bits(report.bitsPerS)}`],
    ['streams', String(report.streams)],
    ['video', video === null ? 'none' : videoText(video)],
    ...(video === null ? [] : ([['GOP', gopText(video)]] as [string, string][])),
    ['audio', audio === null ? 'none' : audioText(audio)],
    ['faststart', { true: 'yes', false: 'no', null: 'it is no MP4' }[String(report.isFaststart)] ?? ''],
    [
      'copied',
      whyNotCopied === null ? 'yes: it can be the largest rendition as it is' : `no: ${whyNotCopied}`,
    ],
    ['refused', whyRefused === null ? 'no' : `yes: ${whyRefused}`],
  ];
  return lines.map(([name, text]) => `${name.padEnd(10)} ${text}`);
}

function videoText(video: NonNullable<FileReport['video']>): string {
  const { codec, widthPx, heightPx, framesPerS, turnedDegrees, pixelFormat, isInterlaced, bitsPerS } = video;
  return [
    codec,
    `${widthPx} × ${heightPx}${turnedDegrees === 0 ? '' : ` (turned by ${turnedDegrees}°)`}`,
    framesPerS === null ? 'no known rate' : `${framesPerS} pictures/s`,
    ...(pixelFormat === null ? [] : [pixelFormat]),
    ...(isInterlaced ? ['interlaced'] : []),
  ]
    .join(', ')
    .concat(bits(bitsPerS));
}

function gopText({ longestGopS }: NonNullable<FileReport['video']>): string {
  return longestGopS === null ? 'not looked at' : `${longestGopS.toFixed(3)} s at the most`;
}

function audioText({ codec, channels, sampleRateHz, bitsPerS }: NonNullable<FileReport['audio']>): string {
  const rate = sampleRateHz === null ? '' : `, ${sampleRateHz} Hz`;
  return `${codec}, ${channels} channel${channels === 1 ? '' : 's'}${rate}${bits(bitsPerS)}`;
}

function bits(perS: number | null): string {
  return perS === null ? '' : `, ${Math.round(perS / 1000)} kbit/s`;
}
