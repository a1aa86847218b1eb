/** A part of the picture: exactly two of three values on each axis, in pixels of the source. */
export interface Crop {
  readonly left?: number;
  readonly right?: number;
  readonly width?: number;
  readonly top?: number;
  readonly bottom?: number;
  readonly height?: number;
}

/** Any filter of ffmpeg by its name. */
export interface NamedFilter {
  readonly name: string;
  readonly parameters?: Readonly<Record<string, string | number>>;
}

export type VideoFilter =
  | { readonly crop: Crop }
  | { readonly resize: { readonly width?: number; readonly height?: number } }
  /** Names of ffmpeg, with `|` between them. */
  | { readonly pixelFormats: string }
  | NamedFilter;

export type AudioFilter =
  | {
      readonly audioFormat: {
        readonly sampleRates?: readonly number[];
        readonly channelLayouts?: readonly string[];
        readonly sampleFormats?: readonly string[];
      };
    }
  | NamedFilter;

/** A filter as ffmpeg reads it in a chain. */
export function filterText(filter: VideoFilter | AudioFilter): string {
  if ('crop' in filter) return cropText(filter.crop);
  if ('resize' in filter) return named('scale', { width: -1, height: -1, ...filter.resize });
  if ('pixelFormats' in filter) return named('format', { pix_fmts: filter.pixelFormats });
  if (!('audioFormat' in filter)) return named(filter.name, filter.parameters ?? {});
  const { sampleRates = [], channelLayouts = [], sampleFormats = [] } = filter.audioFormat;
  const lists = Object.entries({
    sample_rates: sampleRates.join('|'),
    channel_layouts: channelLayouts.join('|'),
    sample_fmts: sampleFormats.join('|'),
  });
  return named('aformat', Object.fromEntries(lists.filter(([, list]) => list !== '')));
}

function cropText(crop: Crop): string {
  const across = axis('in_w', crop.left, crop.right, crop.width);
  const down = axis('in_h', crop.top, crop.bottom, crop.height);
  if (across === undefined || down === undefined) {
    throw new TypeError('A crop needs two of left, right and width, and two of top, bottom and height');
  }
  return named('crop', { out_w: across.size, out_h: down.size, x: across.offset, y: down.offset });
}

/** Where a part begins on one axis, and how long it is, of the two values that are given. */
function axis(
  whole: string,
  before: number | undefined,
  after: number | undefined,
  size: number | undefined,
): { size: string | number; offset: string | number } | undefined {
  if (before !== undefined && size !== undefined && after === undefined) return { size, offset: before };
  if (before !== undefined && after !== undefined && size === undefined) {
    return { size: `${whole}-${before + after}`, offset: before };
  }
  if (after !== undefined && size !== undefined && before === undefined) {
    return { size, offset: `${whole}-${after + size}` };
  }
  return undefined;
}

function named(name: string, parameters: Readonly<Record<string, string | number>>): string {
  if (!/^[a-z0-9_]+$/.test(name)) throw new TypeError(`"${name}" is no name of a filter`);
  const given = Object.entries(parameters).map(([key, value]) => `${key}=${escaped(String(value))}`);
  return given.length === 0 ? name : `${name}=${given.join(':')}`;
}

/** Once for the filter, once for the chain. */
function escaped(value: string): string {
  return value.replaceAll(/[\\':]/g, '\\$&').replaceAll(/[\\'[\],;]/g, '\\$&');
}
