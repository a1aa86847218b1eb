import type { NewPreset } from '../domain/preset.ts';

/** What academies ask for most, under names of its kind. */
export const BUILT_IN_PRESETS: readonly NewPreset[] = [
  {
    name: 'web-720p',
    description: 'An MP4 that every browser plays, no larger than 720p',
    task: 'transcode',
    params: { container: 'mp4', video: 'h264', audio: 'aac', shortSide: 720 },
  },
  {
    name: 'web-1080p',
    description: 'An MP4 that every browser plays, no larger than 1080p',
    task: 'transcode',
    params: { container: 'mp4', video: 'h264', audio: 'aac', shortSide: 1080 },
  },
  {
    name: 'audio-only',
    description: 'The sound alone, as M4A',
    task: 'transcode',
    params: { container: 'm4a', audio: 'aac' },
  },
  {
    name: 'hls-720p',
    description: 'A package for HLS: 720p, 480p and 240p',
    task: 'package',
    params: { formats: ['hls'], ladder: ['R_720P', 'R_480P', 'R_240P'] },
  },
  {
    name: 'hls-1080p',
    description: 'A package for HLS: 1080p, 720p, 480p and 240p',
    task: 'package',
    params: { formats: ['hls'], ladder: ['R_1080P', 'R_720P', 'R_480P', 'R_240P'] },
  },
  {
    name: 'dash-hevc',
    description: 'A package for DASH in HEVC: half the bytes, for players that can',
    task: 'package',
    params: { formats: ['dash'], codec: 'hevc' },
  },
  {
    name: 'thumbnail',
    description: 'A picture from the first tenth, 1280 pixels wide',
    task: 'thumbnail',
    params: { time: '10%', width: 1280 },
  },
  {
    name: 'sprite',
    description: 'Small pictures for the timeline, one for each 5 s',
    task: 'sprite',
    params: { intervalS: 5 },
  },
  {
    name: 'waveform',
    description: 'How loud it is over its length, for the timeline',
    task: 'waveform',
    params: { peaks: 1000 },
  },
];
