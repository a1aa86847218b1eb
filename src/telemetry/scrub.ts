/** Shorter ones would blank out ordinary words. */
const MIN_SECRET_CHARACTERS = 6;

/** Values of query parameters and headers that open something, wherever they stand in a text. */
const IN_ADDRESSES =
  /([?&](?:access_token|download_token|token|jwt|key|secret|signature|sig|pwd|passcode|password)=)[^&\s"'\\#]+/gi;
const IN_HEADERS = /\b(Bearer|Basic) +[\w.~+/=-]{8,}/g;

/**
 * Returns a function that blanks secrets out of a text: these ones literally, also as they are written in JSON and in
 * addresses, and what stands where secrets usually do.
 */
export function createScrub(secrets: readonly string[] = []): (text: string) => string {
  const spellings = secrets
    .filter((secret) => secret.length >= MIN_SECRET_CHARACTERS)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
    // Of two that begin alike the longer one first, or its end would stay.
    .sort((one, other) => other.length - one.length);
  const distinct = [...new Set(spellings)];

  return (text) => {
    let scrubbed = text;
    for (const secret of distinct) scrubbed = scrubbed.replaceAll(secret, '[secret]');
    return scrubbed.replace(IN_ADDRESSES, '$1[secret]').replace(IN_HEADERS, '$1 [secret]');
  };
}
