import type { OutputPlace } from '../engine/ports/output-place.ts';
import { createFolderOutput, type FolderOutputOptions } from './folder/output-place.ts';
import { createS3Output, type S3OutputOptions } from './s3/output-place.ts';
import type { Pace } from './stores.ts';

/** Where outputs go, as the settings have it; `undefined`: nowhere is set up. */
export interface OutputPlaceSettings {
  readonly mediaOut:
    | ({ readonly kind: 'folder' } & Omit<FolderOutputOptions, keyof Pace>)
    | ({ readonly kind: 's3' } & Omit<S3OutputOptions, keyof Pace>)
    | undefined;
}

/** Opens a place by its kind. */
function openPlace(
  name: string,
  settings: NonNullable<OutputPlaceSettings['mediaOut']>,
  pace: Pace,
): OutputPlace {
  switch (settings.kind) {
    case 'folder':
      return createFolderOutput(name, { ...settings, ...pace });
    case 's3':
      return createS3Output(name, { ...settings, ...pace });
  }
}

/** Opens the places that are set up, by their names; nothing is asked of them yet. */
export function openOutputPlaces(
  { mediaOut }: OutputPlaceSettings,
  pace: Pace,
): ReadonlyMap<string, OutputPlace> {
  const opened = new Map<string, OutputPlace>();
  if (mediaOut !== undefined) opened.set('media-out', openPlace('media-out', mediaOut, pace));
  return opened;
}
