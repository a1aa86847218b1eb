import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './programs.ts';

/** So much of a film is drawn, and then repeated, in seconds: three times from one keyframe to the next. */
const DRAWN_S = 24;

/** From one keyframe to the next, in frames of 25 a second. */
const KEYFRAMES = 200;

/** Of the large film, in seconds: a segment of it is as long. */
const LARGE_KEYFRAMES_S = 9;

/** A voice, nearly, in mono at 32 kHz, as Zoom has it. */
const VOICE = "aevalsrc='0.2*sin(2*PI*(160+40*sin(3*t))*t)*(0.5+0.5*sin(2*PI*2.3*t))':s=32000:c=mono";

const SOUND = ['-c:a', 'aac', '-b:a', '64k'];

/** What is drawn of a camera at 1280x720: much detail, a hand that is not quite still, and the noise of a sensor. */
const SCENE = [
  "nullsrc=s=480x270,geq=lum='128+40*sin(X/7)*cos(Y/9)+60*random(1)':cb=128:cr=128",
  'mandelbrot=s=1920x1080:maxiter=100:start_scale=0.02:end_scale=0.02:start_x=-0.7436:start_y=0.1318',
];
const MIXED =
  '[0:v]scale=1920:1080:flags=bicubic,gblur=sigma=3,format=yuv420p[n];[1:v]format=yuv420p,gblur=sigma=1.2[m];[m][n]blend=all_mode=average';
const BY_HAND =
  "crop=1280:720:x='300+120*sin(t*0.9)+6*sin(t*7.3)':y='180+80*cos(t*0.7)+5*sin(t*6.1)',noise=alls=7:allf=t,format=yuv420p";

/** Slides: lines of black marks on white, another one each 6 s, a small camera in a corner and a pointer. */
const SLIDE =
  "color=white:s=320x180:r=1/6,geq=lum='if(lt(mod(Y,8),5)*gt(Y,16)*between(X,16,240)*gt(mod(X,17),2)*gt(random(1),0.5),30,235)':cb=128:cr=128";
const SHOWN = [
  '[0:v]scale=1280:720:flags=neighbor,fps=25[slide]',
  '[1:v]scale=224:126[camera]',
  '[slide][camera]overlay=1040:20[both]',
  "[both]drawbox=x='400+250*sin(t)':y='300+150*cos(t*1.3)':w=12:h=18:color=red:t=fill,format=yuv420p[v]",
].join(';');

export interface Film {
  readonly path: string;
  readonly durationS: number;
}

const FFMPEG = ['-nostdin', '-v', 'error', '-y'];

const lavfi = (source: string) => ['-f', 'lavfi', '-i', source];

/**
 * Draws two films of 1280x720 at 25 frames a second: one as a camera makes it (2.3 Mbit/s), and slides as a class is for the
 * most part (0.1 Mbit/s).
 */
export async function drawFilms(
  folder: string,
  durationS: number,
  signal: AbortSignal,
): Promise<{ camera: Film; slides: Film }> {
  const at = (name: string) => join(folder, name);
  const ffmpeg = (...args: string[]) => runProgram('ffmpeg', [...FFMPEG, ...args], signal);
  const drawnS = String(Math.min(DRAWN_S, durationS));
  const h264 = ['-c:v', 'libx264', '-g', String(KEYFRAMES), '-keyint_min', String(KEYFRAMES)];
  const still = at('still.png');
  await ffmpeg(...SCENE.flatMap(lavfi), '-filter_complex', MIXED, '-frames:v', '1', still);
  await ffmpeg(
    ...['-loop', '1', '-framerate', '25', '-i', still, ...lavfi(VOICE), '-vf', BY_HAND, '-t', drawnS],
    ...[...h264, '-preset', 'superfast', '-b:v', '2270k', '-maxrate', '3000k', '-bufsize', '4540k'],
    ...[...SOUND, at('camera-drawn.mp4')],
  );
  await ffmpeg(
    ...[...lavfi(SLIDE), '-stream_loop', '-1', '-i', at('camera-drawn.mp4'), ...lavfi(VOICE)],
    ...['-filter_complex', SHOWN, '-map', '[v]', '-map', '2:a', '-t', drawnS],
    ...[...h264, '-preset', 'veryfast', '-profile:v', 'main', '-crf', '24', '-sc_threshold', '0'],
    ...[...SOUND, at('slides-drawn.mp4')],
  );
  await rm(still);
  return {
    camera: await repeatFilm(at('camera-drawn.mp4'), at('camera.mp4'), durationS, signal),
    slides: await repeatFilm(at('slides-drawn.mp4'), at('slides.mp4'), durationS, signal),
  };
}

/** As many bits as a film may have and be copied: 4K at 18 Mbit/s, in segments of more than 20 MB; there is nothing to see. */
export async function drawLargeFilm(folder: string, durationS: number, signal: AbortSignal): Promise<Film> {
  const drawn = join(folder, 'large-drawn.mp4');
  const drawnS = String(Math.min(2 * LARGE_KEYFRAMES_S, durationS));
  await runProgram(
    'ffmpeg',
    [
      ...[...FFMPEG, ...lavfi('color=gray:s=3840x2160:r=5,noise=alls=60:allf=t'), '-t', drawnS],
      ...['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast', '-sc_threshold', '0'],
      ...['-g', String(5 * LARGE_KEYFRAMES_S), '-b:v', '18M', '-maxrate', '20M', '-bufsize', '20M', drawn],
    ],
    signal,
  );
  return await repeatFilm(drawn, join(folder, 'large.mp4'), durationS, signal);
}

/** A film as long as that, of one that is repeated as it is. */
export async function repeatFilm(
  from: string,
  path: string,
  durationS: number,
  signal: AbortSignal,
): Promise<Film> {
  const repeated = ['-stream_loop', '-1', '-i', from, '-c', 'copy', '-t', String(durationS)];
  await runProgram('ffmpeg', [...FFMPEG, ...repeated, '-movflags', '+faststart', path], signal);
  return { path, durationS };
}
