/** A file at a place of outputs. */
export interface PlacedFile {
  /** The place, by its name. */
  readonly to: string;
  readonly key: string;
  /** Where a browser fetches it; `null` if the place has no public address. */
  readonly address: string | null;
}

/** All that a player is given of a recording. */
export interface Playback {
  /** What the keys of its package begin with; another package has another one. */
  readonly prefix: string;
  readonly durationS: number;
  readonly hls: PlacedFile | undefined;
  readonly dash: PlacedFile | undefined;
  /** A picture to show before it plays. */
  readonly poster: PlacedFile | undefined;
  /** A WebVTT file that says which small picture stands for which time. */
  readonly sprite: PlacedFile | undefined;
}

/** What is proved of a package. */
export interface PackageFact {
  readonly to: string;
  readonly prefix: string;
  readonly durationS: number;
  readonly keys: { readonly hls: string | null; readonly dash: string | null };
  readonly playback: { readonly hls: string | null; readonly dash: string | null };
}

interface FilesFact {
  readonly to: string;
  readonly outputs: readonly (Omit<PlacedFile, 'to'> & { readonly mediaType: string })[];
}

/**
 * What can be played of a recording by what its steps have proved, whatever their tasks: its package, with a picture and a
 * timeline of pictures beside it. Of several, that of the step whose id comes first in the alphabet. `undefined` as long as it
 * has no package.
 */
export function playbackIn(facts: Readonly<Record<string, unknown>>): Playback | undefined {
  const proved = inOrder(facts);
  const found = proved.find(isPackage);
  if (found === undefined) return undefined;
  const { to, prefix, durationS, keys, playback } = found;
  const manifest = (kind: 'hls' | 'dash'): PlacedFile | undefined => {
    const key = keys[kind];
    return key === null ? undefined : { to, key, address: playback[kind] };
  };
  return {
    prefix,
    durationS,
    hls: manifest('hls'),
    dash: manifest('dash'),
    poster: posterIn(facts),
    sprite: first(proved, isTimeline, (mediaType) => mediaType === 'text/vtt'),
  };
}

/** All packages that were made of a recording, by what its steps have proved. */
export function packagesIn(facts: Readonly<Record<string, unknown>>): PackageFact[] {
  return inOrder(facts).filter(isPackage);
}

/** The picture that stands for a recording, which may be there before its package. */
export function posterIn(facts: Readonly<Record<string, unknown>>): PlacedFile | undefined {
  return first(inOrder(facts), (fact) => !isTimeline(fact), isPicture);
}

function inOrder(facts: Readonly<Record<string, unknown>>): unknown[] {
  return Object.keys(facts)
    .sort()
    .map((step) => facts[step]);
}

function first(
  proved: readonly unknown[],
  isMeant: (fact: FilesFact) => boolean,
  isOfType: (mediaType: string) => boolean,
): PlacedFile | undefined {
  for (const fact of proved.filter(hasFiles).filter(isMeant)) {
    const file = fact.outputs.find(({ mediaType }) => isOfType(mediaType));
    if (file !== undefined) return { to: fact.to, key: file.key, address: file.address };
  }
  return undefined;
}

/** Pictures that belong to a timeline are named by a file of it. */
function isTimeline({ outputs }: FilesFact): boolean {
  return (
    outputs.some(({ mediaType }) => mediaType === 'text/vtt') &&
    outputs.some(({ mediaType }) => isPicture(mediaType))
  );
}

function isPicture(mediaType: string): boolean {
  return mediaType.startsWith('image/');
}

function isPackage(fact: unknown): fact is PackageFact {
  return (
    !isElsewhere(fact) &&
    has(fact, 'to', 'prefix', 'durationS') &&
    has(fact['keys'], 'hls', 'dash') &&
    has(fact['playback'], 'hls', 'dash')
  );
}

/** Its caller has named the place, and shows it by itself. */
function isElsewhere(fact: unknown): boolean {
  return has(fact, 'named');
}

function hasFiles(fact: unknown): fact is FilesFact {
  return !isElsewhere(fact) && has(fact, 'to') && Array.isArray(fact['outputs']);
}

function has(value: unknown, ...names: string[]): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}
