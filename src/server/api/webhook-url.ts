import { z } from 'zod';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * An address that announcements are sent to at somebody's wish: https, so that nobody on the way reads or changes them;
 * http only to this machine itself.
 */
export const webhookUrl = z
  .string()
  .max(2000)
  .superRefine((text, context) => {
    const problem = problemOf(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

function problemOf(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be an address such as https://academy.example/hooks/sluice';
  const { protocol, hostname, username, password } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must be an address with https';
  if (username !== '' || password !== '') return 'must not have a name or a password in it';
  if (protocol === 'http:' && !LOOPBACK.test(hostname)) {
    return 'must have https; http only leads to this machine itself (localhost)';
  }
  return undefined;
}
