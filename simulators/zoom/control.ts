import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { EventOverrides, MeetingRef, ZoomEvent } from './events.ts';
import type { MeetingInput } from './meetings.ts';
import type { ZoomControls } from './simulator.ts';
import type { ExpiringTokens } from './tokens.ts';
import type { DeliverOptions, SendOptions } from './webhooks.ts';

/** What `POST /__sim/send` and `POST /__sim/deliver` take; `event` names one of these, default completed. */
export interface SendRequest {
  readonly meetingUuid: string;
  readonly webhookUrl: string;
  readonly event?:
    | 'recording.completed'
    | 'recording.transcript_completed'
    | 'recording.trashed'
    | 'recording.deleted'
    | 'recording.recovered';
  readonly overrides?: EventOverrides;
  readonly options?: SendOptions & DeliverOptions;
}

/** Creates the paths under `/__sim/` that steer the simulator from another process. */
export function createControl(zoom: ZoomControls) {
  function toEvent({ meetingUuid: uuid, event, overrides }: SendRequest): ZoomEvent {
    const meeting: MeetingRef = { uuid };
    if (event === 'recording.trashed') return zoom.trash(meeting, overrides);
    if (event === 'recording.deleted') return zoom.deleted(meeting, overrides);
    if (event === 'recording.recovered') return zoom.recovered(meeting, overrides);
    if (event === 'recording.transcript_completed') return zoom.transcriptCompleted(meeting, overrides);
    return zoom.recordingCompleted(meeting, overrides);
  }

  async function answer(request: SimulatorRequest): Promise<Answer | undefined> {
    // These bodies come from our own tests and demos, so their shape is taken on trust.
    const read = async <Body>() => (await request.json()) as Body;
    switch (`${request.method} ${request.url.pathname}`) {
      case 'GET /__sim/meetings':
        return { status: 200, body: zoom.meetings() };
      case 'POST /__sim/meetings':
        return { status: 201, body: await zoom.addMeeting(await read<MeetingInput>()) };
      case 'POST /__sim/send': {
        const wanted = await read<SendRequest>();
        return { status: 200, body: await zoom.send(wanted.webhookUrl, toEvent(wanted), wanted.options) };
      }
      case 'POST /__sim/deliver': {
        const wanted = await read<SendRequest>();
        const attempts = await zoom.deliver(wanted.webhookUrl, toEvent(wanted), wanted.options);
        return { status: 200, body: { attempts } };
      }
      case 'POST /__sim/validate': {
        const { webhookUrl } = await read<{ readonly webhookUrl: string }>();
        return { status: 200, body: await zoom.validate(webhookUrl) };
      }
      case 'POST /__sim/expire-tokens': {
        const wanted = await read<{ readonly which?: ExpiringTokens } | undefined>();
        zoom.expireTokens(wanted?.which);
        return { status: 204 };
      }
      case 'GET /__sim/leaks':
        return { status: 200, body: { leaks: zoom.leaks } };
      default:
        return undefined;
    }
  }

  /** A wrong wish is the caller's fault and is answered as such, with the reason. */
  return async function handleControl(request: SimulatorRequest): Promise<Answer | undefined> {
    try {
      return await answer(request);
    } catch (error) {
      return { status: 400, body: { message: String(error) } };
    }
  };
}
