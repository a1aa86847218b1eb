import type { Container } from './containers.ts';

/** A piece of a film that is finished. */
export interface Piece {
  readonly name: string;
  /** In the whole film, in seconds. */
  readonly startS: number;
  readonly endS: number;
}

/** The arguments that cut what comes into pieces, and say of each on `pipe:1` that it is finished. */
export function segmentArgs({ name, muxer }: Container, seconds: number): string[] {
  const isIso = ['mp4', 'mov', 'ipod'].includes(muxer);
  return [
    ...[
      '-f',
      'segment',
      '-segment_format',
      muxer,
      '-segment_time',
      String(seconds),
      '-reset_timestamps',
      '1',
    ],
    // Else the pieces are told of as later than they are.
    ...['-avoid_negative_ts', 'disabled'],
    ...(isIso ? ['-segment_format_options', 'movflags=+faststart'] : []),
    ...['-segment_list', 'pipe:1', '-segment_list_type', 'csv', '-segment_start_number', '1'],
    `piece-%05d.${name}`,
  ];
}

/** Reads what is said of pieces: a line of name, start and end for each, in their order. */
export function readPieces(found: (piece: Piece) => void) {
  let rest = '';
  return (chunk: Buffer): void => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [name = '', startS, endS] = line.trim().split(',');
      if (name !== '') found({ name, startS: Number(startS), endS: Number(endS) });
    }
  };
}
