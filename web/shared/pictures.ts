/** A small picture of a sheet, and from when to when it stands, in seconds. */
export interface Picture {
  readonly fromS: number;
  readonly toS: number;
  readonly sheet: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const CUE = /(\S+) --> (\S+)[^\n]*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/g;

/** The pictures that a WebVTT file names; sheets are found beside it. */
export function readPictures(vtt: string, address: string): Picture[] {
  return [...vtt.replaceAll('\r\n', '\n').matchAll(CUE)].map(
    ([, from = '', to = '', sheet = '', ...area]) => {
      const [x = 0, y = 0, width = 0, height = 0] = area.map(Number);
      return {
        fromS: secondsOf(from),
        toS: secondsOf(to),
        sheet: new URL(sheet, address).href,
        x,
        y,
        width,
        height,
      };
    },
  );
}

export function pictureAt(pictures: readonly Picture[], atS: number): Picture | undefined {
  return pictures.find(({ fromS, toS }) => atS >= fromS && atS < toS) ?? pictures.at(-1);
}

function secondsOf(time: string): number {
  return time.split(':').reduce((sum, part) => 60 * sum + Number(part), 0);
}
