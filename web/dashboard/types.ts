import type { z } from 'zod';
import type { AccessTokenView, AuditEntryView, MeView } from '../../src/server/access/access-api.ts';
import type { StatusView } from '../../src/server/api/status.ts';
import type {
  deliveryView,
  eventView,
  RecordingView,
  recordingDetailView,
} from '../../src/server/api/views.ts';

/* What the server says, by the schemas that it answers from. */

export type { IgnoredView } from '../../src/outside/zoom/routes/ignored.ts';
export type { DeliveryDetail, ListedDelivery } from '../../src/server/api/deliveries.ts';
export type { PresetView } from '../../src/server/api/presets.ts';
export type { RecipeView, TaskView } from '../../src/server/api/recipes.ts';
export type { HostView, ServiceView } from '../../src/server/api/status.ts';
export type {
  AttemptView,
  CauseView,
  DaysView,
  OutputView,
  OverviewView,
  RecordingView,
  StepView,
} from '../../src/server/api/views.ts';
export type { WordsView } from '../../src/server/api/words.ts';
export type { AccessTokenView, AuditEntryView, MeView, StatusView };
export type RecordingDetail = z.output<typeof recordingDetailView>;
export type EventView = z.output<typeof eventView>;
export type DeliveryView = z.output<typeof deliveryView>;
export type State = RecordingView['state'];
export type Action = RecordingView['actions'][number];
export type ErrorView = NonNullable<RecordingView['last_error']>;

/** A recording with the steps of its way. */
export type MovingView = NonNullable<StatusView['moving']>;

/** How far one way of the bytes is. */
export interface Leg {
  readonly done_bytes: number;
  readonly total_bytes: number;
  readonly bytes_per_s: number;
  readonly left_s: number | null;
  /** For how long no byte has moved. */
  readonly idle_s: number;
}

/** How far a step is that encodes, in seconds of the film. */
export interface Encoding {
  readonly done_s: number;
  readonly total_s: number;
  readonly speed: number;
  readonly left_s: number | null;
  readonly idle_s: number;
}

export interface Progress {
  readonly recording_id: string;
  /** By the steps whose bytes they are. */
  readonly legs: Readonly<Record<string, Leg>>;
  /** By the steps that encode. */
  readonly encodings: Readonly<Record<string, Encoding>>;
}

/** Something has happened to a recording. */
export interface RecordingNews extends EventView {
  readonly recording_id: string;
  readonly recording?: MovingView;
}
