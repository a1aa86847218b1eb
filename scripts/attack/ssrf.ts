import { setTimeout as delay } from 'node:timers/promises';
import type { Attack, AttackStage, Outcome } from './attack.ts';
import { send } from './request.ts';

const PATIENCE_MS = 30_000;

/** Has a rightly signed webhook name an address; resolves with what became of the recording. */
async function fetchBy(stage: AttackStage, url: string): Promise<{ state: string; code: string }> {
  const { house, intend } = stage;
  const { zoom, nginx, allowed } = house;
  const meeting = await zoom.addMeeting({ topic: 'Led astray', files: [{ path: allowed.path }] });
  const event = zoom.recordingCompleted(meeting);
  const [file] = event.payload.object.recording_files as unknown as Record<string, unknown>[];
  if (file === undefined) throw new Error('no file');
  file['download_url'] = url;
  const { status, body } = await zoom.send(`${nginx.url}/zoom-upload`, event);
  const { accepted = [] } = JSON.parse(body) as { accepted?: { id: string }[] };
  const id = accepted[0]?.id;
  if (id === undefined) return { state: `refused with ${status}`, code: '' };
  intend(id);
  for (const endMs = Date.now() + PATIENCE_MS; ; ) {
    const answer = await send(house.pipelinePort, 'GET', `/api/recordings/${id}`);
    const { state = String(answer.status), last_error: error } = JSON.parse(answer.text) as {
      state?: string;
      last_error?: { code: string } | null;
    };
    if (state === 'failed' || state === 'done' || Date.now() > endMs)
      return { state, code: error?.code ?? '' };
    await delay(50);
  }
}

function outcomeOf(results: readonly { state: string; code: string }[], visits: number): Outcome {
  const happened = [...new Set(results.map(({ state, code }) => `${state} ${code}`.trim()))].join(', ');
  const areRefused = results.every(
    ({ state, code }) => code === 'DOWNLOAD_HOST_REFUSED' || state.startsWith('refused'),
  );
  return { happened: `${happened}; ${visits} visits`, isOk: areRefused && visits === 0 };
}

export const SSRF_ATTACKS: readonly Attack[] = [
  {
    name: 'signed webhooks name addresses of this machine and this network',
    expected: 'failed recordings, DOWNLOAD_HOST_REFUSED, and nobody is visited',
    async run(stage) {
      const { canary } = stage.house;
      const visitsBefore = canary.visits;
      const { port } = canary;
      const urls = [
        `http://127.0.0.1:${port}/`,
        `https://127.0.0.1:${port}/`,
        `http://2130706433:${port}/`,
        `http://0x7f.1:${port}/`,
        `http://[::1]:${port}/`,
        `http://[::ffff:127.0.0.1]:${port}/`,
        `http://0.0.0.0:${port}/`,
        'http://169.254.169.254/latest/meta-data/',
        'https://10.0.0.1/',
        `http://localhost:${port}/`,
        `https://zoom.us@127.0.0.1:${port}/`,
        `https://zoom.us.evil.example:${port}/`,
        `${stage.house.zoom.webUrl}@127.0.0.1:${port}/`,
      ];
      const results = [];
      for (const url of stage.isQuick ? urls.filter((_, n) => n % 2 === 0) : urls)
        results.push(await fetchBy(stage, url));
      return outcomeOf(results, canary.visits - visitsBefore);
    },
  },
  {
    name: 'a host name that is allowed leads to this machine',
    expected: 'a failed recording, DOWNLOAD_HOST_REFUSED, and nobody is visited',
    async run(stage) {
      const { canary } = stage.house;
      const visitsBefore = canary.visits;
      const result = await fetchBy(stage, `https://localhost:${canary.port}/`);
      return outcomeOf([result], canary.visits - visitsBefore);
    },
  },
  {
    name: "Zoom's own download redirects to this machine",
    expected: 'a failed recording, DOWNLOAD_HOST_REFUSED, and nobody is visited',
    async run(stage) {
      const { canary, zoom } = stage.house;
      const visitsBefore = canary.visits;
      const results = [];
      for (const location of [
        `http://127.0.0.1:${canary.port}/`,
        `https://127.0.0.1:${canary.port}/`,
        `https://localhost:${canary.port}/`,
      ]) {
        zoom.fail({ on: 'GET /rec/astray', status: 302, headers: { location } });
        results.push(await fetchBy(stage, `${zoom.webUrl}/rec/astray`));
      }
      return outcomeOf(results, canary.visits - visitsBefore);
    },
  },
];
