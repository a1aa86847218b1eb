import { rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Attack, onlyStatuses } from './attack.ts';
import { writeVideo } from './house.ts';
import { send } from './request.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

export const FILE_ATTACKS: readonly Attack[] = [
  {
    name: 'name a file from outside: through nginx, by forwarded addresses, by other host names',
    expected: '401 or 404',
    async run({ house: { nginx, pipelinePort, allowed } }) {
      const body = JSON.stringify({ path: allowed.path, title: 'Stolen' });
      const statuses = [];
      for (const door of [
        '/custom-upload',
        '/manual-upload',
        '/zoom-upload/../custom-upload',
        '//custom-upload',
      ]) {
        statuses.push((await send(nginx.port, 'POST', door, { headers: JSON_TYPE, body })).status);
      }
      for (const [name, value] of [
        ['x-forwarded-for', '127.0.0.1'],
        ['x-real-ip', '127.0.0.1'],
        ['forwarded', 'for=127.0.0.1'],
        ['host', 'evil.example'],
        ['origin', 'https://evil.example'],
        ['sec-fetch-site', 'cross-site'],
      ] as const) {
        const headers = { ...JSON_TYPE, [name]: value };
        statuses.push((await send(pipelinePort, 'POST', '/custom-upload', { headers, body })).status);
      }
      return onlyStatuses(statuses, 401, 404);
    },
  },
  {
    name: 'path games from inside: out of CUSTOM_ROOTS by dots, links, links to folders, devices, odd names',
    expected: '400, 403, 404 or 415',
    async run({ house: { pipelinePort, roots, secret, folder } }) {
      await symlink(secret.path, join(roots, 'link.mp4'));
      await symlink(join(folder, 'outside'), join(roots, 'linked'));
      await symlink('loop', join(roots, 'loop'));
      const statuses = [];
      for (const path of [
        secret.path,
        `${roots}/../outside/secret.mp4`,
        `${roots}/./../outside/secret.mp4`,
        join(roots, 'link.mp4'),
        join(roots, 'linked/secret.mp4'),
        join(roots, 'loop'),
        roots,
        `${roots}-beside/x.mp4`,
        '/dev/zero',
        '/proc/self/environ',
        '/etc/passwd',
        'lesson.mp4',
        'file:///etc/passwd',
        `${roots}/lesson.mp4\0.txt`,
        `${roots}/${'x'.repeat(5000)}`,
        '',
      ]) {
        const body = JSON.stringify({ path, title: 'x' });
        statuses.push(
          (await send(pipelinePort, 'POST', '/custom-upload', { headers: JSON_TYPE, body })).status,
        );
      }
      return onlyStatuses(statuses, 400, 403, 404, 415);
    },
  },
  {
    name: 'hand over as an upload what is none: a secret file, the ledger, a way out of the folder',
    expected: '400, 403 or 404',
    async run({ house: { pipelinePort, secret, folder } }) {
      const statuses = [];
      for (const path of [
        secret.path,
        '/etc/passwd',
        join(folder, 'data/ledger.db'),
        join(folder, 'data/incoming/../ledger.db'),
        join(folder, 'data/incoming'),
      ]) {
        const body = JSON.stringify({ path, ace_id: 'stolen', upload_id: 'stolen', size: 1 });
        statuses.push(
          (await send(pipelinePort, 'POST', '/manual-upload', { headers: JSON_TYPE, body })).status,
        );
      }
      return onlyStatuses(statuses, 400, 403, 404);
    },
  },
  {
    name: 'swap an allowed file for a link to the secret one, back and forth, while it is handed over',
    expected: 'the secret file is never taken',
    async run({ house: { pipelinePort, roots, secret }, intend, isQuick }) {
      const path = join(roots, 'swapped.mp4');
      let isOver = false;
      const swapping = (async () => {
        for (let n = 0; !isOver; n += 1) {
          const next = join(roots, `next-${n}`);
          if (n % 2 === 0) await symlink(secret.path, next);
          else await writeVideo(next, 20_000);
          await rename(next, path);
          await delay(n % 2 === 0 ? 1 : 4);
        }
      })();
      const bodyOf = (n: number) =>
        JSON.stringify({ path, title: 'Swapped', ace_id: `swapped-${n}`, keep_file: true });
      const statuses: (number | undefined)[] = [];
      for (let n = 0; n < (isQuick ? 60 : 300); n += 1) {
        const { status, text } = await send(pipelinePort, 'POST', '/custom-upload', {
          headers: JSON_TYPE,
          body: bodyOf(n),
        });
        statuses.push(status);
        if (status === 202) intend((JSON.parse(text) as { id: string }).id);
      }
      isOver = true;
      await swapping;
      // What became of those that were taken is looked at in the end: no file of the secret one's size may be anywhere.
      return onlyStatuses(statuses, 202, 400, 403, 404);
    },
  },
];
