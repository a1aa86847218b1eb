const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** More than any address of sense has, in characters. */
export const MOST_WEBHOOK_URL_CHARACTERS = 2000;

/**
 * Why nothing is announced to an address that somebody has named: https, so that nobody on the way reads or changes it; http only to
 * this machine itself. `undefined`: it is.
 */
export function whyNoWebhook(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be an address such as https://academy.example/hooks/sluice';
  const { protocol, hostname, username, password } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must be an address with https';
  if (username !== '' || password !== '') return 'must not have a name or a password in it';
  if (protocol === 'http:' && !LOOPBACK.test(hostname)) {
    return 'must have https; http only leads to this machine itself (localhost)';
  }
  return undefined;
}
