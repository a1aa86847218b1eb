/** One plane of a picture in raw bytes, packed without gaps. */
interface Plane {
  readonly lineBytes: number;
  readonly lines: number;
}

const half = (size: number) => Math.ceil(size / 2);

type Planes = (width: number, height: number) => Plane[];
const packed =
  (pixelBytes: number): Planes =>
  (width, height) => [{ lineBytes: width * pixelBytes, lines: height }];
const planar =
  (sampleBytes: number, chromaWidth: typeof half, chromaHeight: typeof half): Planes =>
  (width, height) => {
    const chroma = { lineBytes: chromaWidth(width) * sampleBytes, lines: chromaHeight(height) };
    return [{ lineBytes: width * sampleBytes, lines: height }, chroma, chroma];
  };
const same = (size: number) => size;

const PICTURES: Readonly<Record<string, Planes>> = {
  gray: packed(1),
  gray10le: packed(2),
  gray16le: packed(2),
  rgb24: packed(3),
  bgr24: packed(3),
  rgba: packed(4),
  bgra: packed(4),
  argb: packed(4),
  abgr: packed(4),
  yuv420p: planar(1, half, half),
  yuvj420p: planar(1, half, half),
  yuv422p: planar(1, half, same),
  yuvj422p: planar(1, half, same),
  yuv444p: planar(1, same, same),
  yuvj444p: planar(1, same, same),
  gbrp: planar(1, same, same),
  yuv420p10le: planar(2, half, half),
  yuv422p10le: planar(2, half, same),
  yuv444p10le: planar(2, same, same),
  nv12: (width, height) => [
    { lineBytes: width, lines: height },
    { lineBytes: half(width) * 2, lines: half(height) },
  ],
};

/** The planes of a picture as ffmpeg writes it. */
export function planesOf(format: string, width: number, height: number): Plane[] {
  const planes = PICTURES[format];
  if (planes === undefined) {
    const known = Object.keys(PICTURES).join(', ');
    throw new Error(`Pictures of the format ${format} cannot be handed on: ask for pixelFormats of ${known}`);
  }
  return planes(width, height);
}

interface SampleFormat {
  readonly name: string;
  readonly muxer: string;
  readonly sampleBytes: number;
}
const SAMPLES: readonly SampleFormat[] = [
  { name: 'u8', muxer: 'u8', sampleBytes: 1 },
  { name: 's16', muxer: 's16le', sampleBytes: 2 },
  { name: 's32', muxer: 's32le', sampleBytes: 4 },
  { name: 'flt', muxer: 'f32le', sampleBytes: 4 },
  { name: 'dbl', muxer: 'f64le', sampleBytes: 8 },
];

/** How samples are written: as the first of these names says, interleaved; 16 bits where none does. */
export function sampleFormatOf(names: readonly string[]): SampleFormat {
  const name = (names[0] ?? 's16').replace(/p$/, '');
  const found = SAMPLES.find((format) => format.name === name);
  if (found === undefined) throw new Error(`Samples of the format ${name} cannot be handed on`);
  return found;
}
