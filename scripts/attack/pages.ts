import { type Attack, onlyStatuses } from './attack.ts';
import { ADMIN_TOKEN } from './house.ts';
import { send } from './request.ts';

const EVIL = 'https://evil.example';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

export const PAGE_ATTACKS: readonly Attack[] = [
  {
    name: 'DNS rebinding: operators’ paths under other host names that lead here',
    expected: '401',
    async run({ house: { pipelinePort, tusPort } }) {
      const statuses = [];
      for (const host of [
        'evil.example',
        `evil.example:${pipelinePort}`,
        'localhost.evil.example',
        '127.0.0.1.nip.example',
        '[::ffff:127.0.0.1]',
        '0.0.0.0',
        '2130706433',
        'localhost@evil.example',
      ]) {
        for (const path of ['/api/status', '/api/recordings', '/docs']) {
          statuses.push((await send(pipelinePort, 'GET', path, { headers: { host } })).status);
        }
        statuses.push((await send(pipelinePort, 'POST', '/api/line/pause', { headers: { host } })).status);
        statuses.push(
          (
            await send(tusPort, 'POST', '/tusupload', {
              headers: { host, 'upload-length': '1', 'tus-resumable': '1.0.0' },
            })
          ).status,
        );
      }
      return onlyStatuses(statuses, 400, 401);
    },
  },
  {
    name: 'CSRF: forms, fetches and images of another origin, without a login and with one',
    expected: '401 or 403',
    async run({ house: { pipelinePort } }) {
      const { headers } = await send(pipelinePort, 'POST', '/login', {
        headers: FORM,
        body: `token=${encodeURIComponent(ADMIN_TOKEN)}`,
      });
      const cookie = String(headers['set-cookie'] ?? '').split(';')[0] ?? '';
      if (!cookie.startsWith('sluice_session=')) return { happened: 'could not log in', isOk: false };
      const statuses = [];
      for (const shown of [{}, { cookie }]) {
        for (const signs of [
          { origin: EVIL },
          { origin: 'null' },
          { 'sec-fetch-site': 'cross-site' },
          { 'sec-fetch-site': 'same-site' },
        ]) {
          for (const path of [
            '/api/line/pause',
            '/api/site/listens',
            '/custom-upload',
            '/api/recordings/rec_1/cancel',
          ]) {
            const all = { 'content-type': 'text/plain', ...shown, ...signs };
            statuses.push((await send(pipelinePort, 'POST', path, { headers: all, body: '{}' })).status);
          }
        }
      }
      return onlyStatuses(statuses, 401, 403);
    },
  },
  {
    name: 'login brute force: 60 wrong tokens of one address and 400 of many, to lock the operators out',
    expected: '401, soon 429; whoever has the right one gets in, from there too',
    async run({ house: { pipelinePort, nginx } }) {
      const attempt = (token: string, address: string) =>
        send(pipelinePort, 'POST', '/login', {
          headers: { ...FORM, 'x-forwarded-for': address },
          body: `token=${encodeURIComponent(token)}`,
        });
      const statuses = [];
      for (let n = 0; n < 60; n += 1) statuses.push((await attempt(`wrong-${n}`, '198.51.100.66')).status);
      const many = [];
      for (let n = 0; n < 400; n += 1) many.push((await attempt(`many-${n}`, `192.0.2.${n % 250}`)).status);
      const sameAddress = (await attempt(ADMIN_TOKEN, '198.51.100.66')).status;
      const honest = (await attempt(ADMIN_TOKEN, '198.51.100.7')).status;
      const outside = (await send(nginx.port, 'POST', '/login', { headers: FORM, body: 'token=x' })).status;
      const looked = statuses.filter((status) => status === 401).length;
      const isOk =
        onlyStatuses([...statuses, ...many], 401, 429).isOk &&
        looked <= 10 &&
        many.at(-1) === 429 &&
        sameAddress === 303 &&
        honest === 303 &&
        outside === 404;
      return {
        happened: `${looked} looked at, then ${many.at(-1)}; the right one ${sameAddress}, elsewhere ${honest}; by nginx ${outside}`,
        isOk,
      };
    },
  },
  {
    name: 'bearer tokens and session cookies that are guessed',
    expected: '401 or 429',
    async run({ house: { pipelinePort } }) {
      const statuses = [];
      for (const headers of [
        { authorization: 'Bearer ' },
        { authorization: 'Bearer undefined' },
        { authorization: `Bearer ${ADMIN_TOKEN}x` },
        { authorization: `Basic ${Buffer.from(`x:${ADMIN_TOKEN}`).toString('base64')}` },
        { cookie: 'sluice_session=' },
        { cookie: `sluice_session=${'A'.repeat(43)}` },
        { cookie: `sluice_session=${ADMIN_TOKEN}` },
        { cookie: 'sluice_session=__proto__' },
      ]) {
        const all = { ...headers, 'x-forwarded-for': '198.51.100.67' };
        statuses.push((await send(pipelinePort, 'GET', '/api/status', { headers: all })).status);
      }
      return onlyStatuses(statuses, 401, 429);
    },
  },
];
