import { join } from 'node:path';

/** The ladder by name: size, and kbit (1024) of pictures and of sound. */
const LADDER = [
  { size: '256x144', video: 95, audio: 64 },
  { size: '426x240', video: 150, audio: 94 },
  { size: '640x360', video: 276, audio: 128 },
  { size: '854x480', video: 750, audio: 192 },
  { size: '1280x720', video: 2048, audio: 320 },
] as const;

/** How its pictures are encoded: x264 with its usual effort, and keyframes where each rendition sees fit. */
const PICTURES = ['-bf', '1', '-keyint_min', '25', '-g', '250', '-sc_threshold', '40'];

const kbit = (count: number) => String(count * 1024);

/**
 * The two commands of the usual way, as python-ffmpeg-video-streaming builds them and services on it run them: one for HLS and
 * one for DASH, each of which decodes and encodes all of it, at a fixed bit rate, with the sound once for each rendition.
 */
export function twoCommands(path: string, folder: string): Readonly<Record<'hls' | 'dash', string[]>> {
  const start = ['-nostdin', '-v', 'error', '-y', '-i', path];
  const hls = LADDER.flatMap(({ size, video, audio }) => {
    const name = join(folder, `hls_${size.split('x')[1]}p`);
    return [
      ...['-c:v', 'libx264', '-c:a', 'aac', ...PICTURES],
      ...['-s:v', size, '-b:v', kbit(video), '-b:a', kbit(audio)],
      ...['-f', 'hls', '-hls_list_size', '0', '-hls_time', '10', '-hls_segment_type', 'fmp4'],
      ...['-hls_fmp4_init_filename', `hls_${size.split('x')[1]}p_init.mp4`],
      ...['-hls_segment_filename', `${name}_%04d.m4s`, `${name}.m3u8`],
    ];
  });
  const dash = LADDER.flatMap(({ size, video, audio }, at) => [
    ...['-map', '0:v:0', '-map', '0:a:0', `-s:v:${at}`, size],
    ...[`-b:v:${at}`, kbit(video), `-b:a:${at}`, kbit(audio)],
  ]);
  return {
    hls: [...start, ...hls],
    dash: [
      ...start,
      ...['-c:v', 'libx264', '-c:a', 'aac', ...PICTURES, ...dash],
      ...['-use_timeline', '1', '-use_template', '1', '-f', 'dash'],
      ...['-adaptation_sets', 'id=0,streams=v id=1,streams=a'],
      ...['-init_seg_name', 'dash_init_$RepresentationID$.m4s'],
      ...['-media_seg_name', 'dash_chunk_$RepresentationID$_$Number%05d$.m4s', join(folder, 'dash.mpd')],
    ],
  };
}
