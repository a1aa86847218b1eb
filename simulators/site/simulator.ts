import {
  type Answer,
  type Simulator,
  type SimulatorOptions,
  type SimulatorRequest,
  startSimulator,
} from '../shared/simulator.ts';
import type { ReceivedAnnouncement } from './announcement.ts';
import { renderPage } from './page.ts';
import { findFlaw } from './standard-webhooks.ts';

export interface SiteSimulatorOptions extends SimulatorOptions {
  /** What announcements are signed with, as `whsec_` and base64; default one that is the same every time. */
  readonly secret?: string;
}

/** A stand-in for the academy's website. */
export interface SiteSimulator extends Simulator {
  readonly webhookUrl: string;
  readonly secret: string;
  /** In the order of arrival. */
  received(): readonly ReceivedAnnouncement[];
}

const DEFAULT_SECRET = `whsec_${Buffer.alloc(32, 'sluice').toString('base64')}`;

/**
 * Starts the website: `POST` to any path takes an announcement (204 when it is believed, 401 when not), `GET /` shows
 * what came. For use from another process it also answers `GET /__sim/received` and `DELETE /__sim/received`.
 */
export async function startSiteSimulator(options: SiteSimulatorOptions = {}): Promise<SiteSimulator> {
  const { secret = DEFAULT_SECRET } = options;
  const received: ReceivedAnnouncement[] = [];

  async function take(request: SimulatorRequest): Promise<Answer> {
    const body = await request.bytes();
    const flaw = findFlaw({ headers: request.headers, body, secret, nowMs: Date.now() });
    const parsed = await request.json();
    received.push({
      id: String(request.headers['webhook-id'] ?? ''),
      timestampS: Number(request.headers['webhook-timestamp'] ?? Number.NaN),
      type: toType(parsed),
      body: parsed,
      receivedAtMs: Date.now(),
      isValid: flaw === undefined,
    });
    return flaw === undefined ? { status: 204 } : { status: 401, body: { error: flaw } };
  }

  async function handle(request: SimulatorRequest): Promise<Answer> {
    if (request.method === 'POST') return take(request);
    if (request.method !== 'GET' || request.url.pathname !== '/') return { status: 404 };
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    return { status: 200, headers, body: renderPage(received) };
  }

  async function control(request: SimulatorRequest): Promise<Answer | undefined> {
    switch (`${request.method} ${request.url.pathname}`) {
      case 'GET /__sim/received':
        return { status: 200, body: received };
      case 'DELETE /__sim/received':
        received.length = 0;
        return { status: 204 };
      default:
        return undefined;
    }
  }

  const simulator = await startSimulator(options, handle, control);
  return {
    ...simulator,
    webhookUrl: `${simulator.url}/webhooks/sluice`,
    secret,
    received: () => [...received],
  };
}

function toType(body: unknown): string {
  return typeof body === 'object' && body !== null && 'type' in body ? String(body.type) : '';
}
