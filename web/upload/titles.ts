const MEDIA_ENDING =
  /\.(mp4|m4[abv]|mov|mkv|webm|avi|wm[av]|flv|f4v|mpe?g|m?ts|m2ts|3gpp?|mp3|wave?|og[agv]|opus|flac|aac|caf|aiff?|amr|mxf)$/i;

/** A first proposal: the file's name without the ending that says what it is; any other dot, and a hyphen, belongs to it. */
export function titleOf({ name, type }: { readonly name: string; readonly type: string }): string {
  const ending = /^(audio|video)\//.test(type) ? /\.[^. ]+$/ : MEDIA_ENDING;
  return name.normalize('NFC').replace(ending, '').trim() || name;
}
