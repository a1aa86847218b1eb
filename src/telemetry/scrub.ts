/** Shorter ones would blank out parts of ordinary words: they count where they stand as a word of their own. */
const MIN_SECRET_CHARACTERS = 6;

/** And still shorter ones are words themselves: they count as the whole value of a field, or as a password in an address. */
const MIN_WORD_CHARACTERS = 3;

/** Values of query parameters and headers that open something, wherever they stand in a text. */
const IN_ADDRESSES =
  /([?&](?:access_token|refresh_token|download_token|token|jwt|api_?key|accesskey|key|secret|client_secret|signature|sig|pwd|passcode|password)=)[^&\s"'\\#]+/gi;
const IN_HEADERS = /\b(Bearer|Basic) +[\w.~+/=-]{8,}/g;
/** The tokens that people and programs are given, which no setting names. */
const ACCESS_TOKENS = /sluice_[\w-]{43}/g;
/** The password of an address, whatever the address is for. */
const IN_USERINFO = /\b([a-z][a-z\d+.-]*:\/\/[^\s/?#@:"'\\]*):[^\s/?#@"'\\]+@/gi;

/**
 * Returns a function that blanks secrets out of a text: these ones as they are, and as they are written in JSON (also
 * in JSON inside JSON), in addresses (each percent-encoding), in base64 (also in the midst of more, as in a Basic
 * header), and what stands where secrets usually do.
 */
export function createScrub(secrets: readonly string[] = []): (text: string) => string {
  const long = secrets.filter((secret) => secret.length >= MIN_SECRET_CHARACTERS);
  // Of two that begin alike the longer one first, or its end would stay.
  const spellings = [...new Set(long.flatMap(spellingsOf))].sort((one, other) => other.length - one.length);
  const encoded = [...new Set(long)].map(percentPattern);
  const short = [...new Set(secrets)].filter(
    (secret) => secret !== '' && secret.length < MIN_SECRET_CHARACTERS,
  );
  const fields = short.flatMap(shortPatterns);

  return (text) => {
    let scrubbed = text;
    for (const spelling of spellings) scrubbed = scrubbed.replaceAll(spelling, '[secret]');
    if (scrubbed.includes('%')) {
      for (const pattern of encoded) scrubbed = scrubbed.replace(pattern, '[secret]');
    }
    for (const pattern of fields) scrubbed = scrubbed.replace(pattern, '$1[secret]$2');
    return scrubbed
      .replace(ACCESS_TOKENS, '[secret]')
      .replace(IN_USERINFO, '$1:[secret]@')
      .replace(IN_ADDRESSES, '$1[secret]')
      .replace(IN_HEADERS, '$1 [secret]');
  };
}

function spellingsOf(secret: string): string[] {
  const json = jsonText(secret);
  return [secret, json, jsonText(json), encodeURIComponent(secret), ...base64Spellings(secret)];
}

function jsonText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/**
 * The characters of base64 that the bytes of the secret decide alone, for each of the three places at which it can
 * begin in a longer text; few of them could be anything.
 */
function base64Spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const spellings = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const end = (before + bytes.length) % 3 === 0 ? text.length : text.length - 1;
    return text.slice(Math.ceil((before * 8) / 6), end);
  });
  return [bytes.toString('base64').replace(/=+$/, ''), ...spellings]
    .filter((spelling) => spelling.length >= MIN_SECRET_CHARACTERS)
    .flatMap((spelling) => [spelling, spelling.replaceAll('+', '-').replaceAll('/', '_')]);
}

/** Each character as it is or percent-encoded, in large or small letters; a blank also as a plus. */
function percentPattern(secret: string): RegExp {
  const characters = [...secret].map((character) => {
    const bytes = [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
      .join('');
    const upper = bytes.toUpperCase();
    return `(?:${[escapePattern(character), bytes, upper, ...(character === ' ' ? ['\\+'] : [])].join('|')})`;
  });
  return new RegExp(characters.join(''), 'g');
}

/** Where a short secret counts. */
function shortPatterns(secret: string): RegExp[] {
  const spelling = escapePattern(jsonText(secret));
  const asField = new RegExp(`((?<!\\\\)":\\s*")${spelling}(")`, 'g');
  if (secret.length < MIN_WORD_CHARACTERS) return [asField];
  return [new RegExp(`((?<![\\p{L}\\p{N}_]))${spelling}((?![\\p{L}\\p{N}_]))`, 'gu')];
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
