import type { Command } from 'commander';
import { byteSize } from '../../lib/byte-size.ts';
import { durationText } from '../../lib/duration-text.ts';
import { type RecordingDetail, recordingDetailShape } from '../api-shapes.ts';
import type { Io } from '../io.ts';
import { STATE_STYLES, type Style } from '../paint.ts';
import { askAbout, RECORDING_ARGUMENT } from '../recording-id.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';
import { padEnd, printable } from '../text-width.ts';
import { localTime } from '../times.ts';

const EVENTS_SHOWN = 20;
const ADDRESSES_SHOWN = 10;

const OUTPUT_STYLES: Readonly<Record<string, Style>> = {
  done: 'green',
  failed: 'red',
  revoked: 'yellow',
  encoding: 'cyan',
  uploading: 'cyan',
  running: 'cyan',
};

/** `sluice show ID`: one recording with all that happened to it. */
export function addShowCommand(program: Command, io: Io): void {
  program
    .command('show')
    .summary('one recording, with all that happened to it')
    .description('Shows one recording: how it stands, its stages, attempts, announcements and history.')
    .argument('<id>', RECORDING_ARGUMENT)
    .addHelpText(
      'after',
      '\nExamples:\n  sluice show rec_8821bfdde5e03edd33995107\n  sluice show lesson-4711\n  sluice show rec_8821bfdde5e03edd33995107 --json | jq .facts',
    )
    .action(async (id: string, _options: object, command: Command) => {
      await showRecording(openSession(io, command), id);
    });
}

/** Shows one recording, named by its id or its ace_id. */
export async function showRecording(session: Session, id: string): Promise<void> {
  const recording = await askAbout(session, id, (path) =>
    session.api.get(path, recordingDetailShape, session.signal),
  );
  if (session.isJson) session.printJson(recording);
  else session.print(...describe(recording, session));
}

function describe(recording: RecordingDetail, session: Session): string[] {
  const { paint } = session;
  const { videos, archive, archives, last_error: error, position, details } = recording;
  const place = position === null ? '' : `, number ${position} in line`;
  const known = (name: string) => {
    const value = details[name];
    return value === undefined || value === null || value === '' ? null : printable(String(value));
  };
  const meeting = [known('meeting_id'), known('meeting_uuid')].filter((id) => id !== null).join('  ');
  const facts: [string, string | null][] = [
    ['id', recording.id],
    ['state', paint(STATE_STYLES[recording.state], recording.state) + place],
    ['source', recording.source],
    ['kind', recording.kind === 'companion' ? (known('companion') ?? recording.kind) : null],
    ['of', recording.kind === 'companion' ? videosOf(recording) : null],
    ['run of', recording.run_of],
    ['reference', recording.reference && printable(recording.reference)],
    ['ace_id', recording.ace_id && printable(recording.ace_id)],
    ['topic', known('topic') === printable(recording.title) ? null : known('topic')],
    ['meeting', meeting],
    ['host', known('host_email')],
    ['began', localTime(known('recording_start') ?? known('start_time'))],
    ['part', Number(details['parts']) > 1 ? `${known('part')} of ${known('parts')}` : null],
    ['file', known('filename')],
    ['path', recording.path && printable(recording.path)],
    ['lies on', recording.host],
    ['size', recording.bytes === null ? null : byteSize(recording.bytes)],
    ['accepted', localTime(recording.accepted_at)],
    ['not before', localTime(recording.not_before)],
    ['ended', localTime(recording.ended_at)],
    ['archived', archive === null ? null : `${archive.bucket}/${archive.file_name}`],
    ...archives.map(({ store, path }): [string, string] => ['archived', `${path} (${store})`]),
    ...videos.map(({ player_url: url, playable }): [string, string] => [
      'video',
      `${url}${playable ? '' : ' (not playable yet)'}`,
    ]),
    ['trouble', error === null || recording.state === 'done' ? null : paint('red', printable(error.message))],
    ['', error === null || recording.state === 'done' ? null : error.advice],
  ];
  return [
    paint('bold', printable(recording.title)),
    ...facts.flatMap(([name, value]) => (value ? [`  ${padEnd(name, 12)}${value}`] : [])),
    ...section('Of the same meeting', relatedLines(recording, session)),
    ...section('Stages', stageLines(recording, session)),
    ...section('Outputs', outputLines(recording, session)),
    ...section('Attempts', attemptLines(recording, session)),
    ...section('Announcements', deliveryLines(recording, session)),
    ...section('History', eventLines(recording, session)),
  ];

  function section(heading: string, lines: readonly string[]): string[] {
    return lines.length === 0 ? [] : ['', paint('bold', heading), ...lines.map((line) => `  ${line}`)];
  }
}

const indented = (session: Session) => ({
  paint: session.paint,
  columns: session.columns === undefined ? undefined : session.columns - 2,
});

/** The videos that a companion belongs to, as far as they are known. */
function videosOf({ related }: RecordingDetail): string {
  const videos = related.filter(({ kind }) => kind === 'video');
  if (videos.length === 0) return 'a video that has not come in';
  return videos.map(({ id, title }) => `${id} ${printable(title)}`).join(', ');
}

function relatedLines({ related }: RecordingDetail, session: Session): string[] {
  if (related.length === 0) return [];
  return renderTable(
    related,
    [
      { heading: 'id', text: ({ id }) => id },
      { heading: 'what', text: ({ kind, companion }) => companion ?? kind },
      { heading: 'state', text: ({ state }) => state, style: ({ state }) => STATE_STYLES[state] },
      { heading: 'title', text: ({ title }) => title, minWidth: 8 },
    ],
    indented(session),
  );
}

/** In the order of its plan, and behind them those that it no longer has. */
function stageLines({ stages, steps }: RecordingDetail, session: Session): string[] {
  const order = (stage: string) => {
    const place = steps.findIndex(({ id }) => id === stage);
    return place < 0 ? steps.length : place;
  };
  const rows = Object.entries(stages).sort(([a], [b]) => order(a) - order(b));
  if (rows.length === 0) return [];
  return renderTable(
    rows,
    [
      { heading: 'stage', text: ([stage]) => stage },
      { heading: 'begun', text: ([, { started_at }]) => localTime(started_at) },
      { heading: 'done', text: ([, { done_at }]) => localTime(done_at) },
      { heading: 'took', text: ([, times]) => took(times.started_at, times.done_at), align: 'right' },
    ],
    indented(session),
  );
}

function outputLines({ outputs }: RecordingDetail, session: Session): string[] {
  if (outputs.length === 0) return [];
  const lines = renderTable(
    outputs,
    [
      { heading: 'step', text: ({ step }) => step },
      { heading: 'state', text: outputState, style: ({ state }) => OUTPUT_STYLES[state] },
      { heading: 'size', text: ({ bytes }) => (bytes === null ? '' : byteSize(bytes)), align: 'right' },
      { heading: 'processor', text: ({ cost }) => spent(cost?.cpu_s), align: 'right' },
      { heading: 'took', text: ({ cost }) => spent(cost?.wall_s), align: 'right' },
      {
        heading: 'memory',
        text: ({ cost }) => (cost === null ? '' : byteSize(cost.peak_rss_bytes)),
        align: 'right',
      },
      { heading: 'why', text: ({ state, error }) => whyNot(state, error), minWidth: 10 },
    ],
    indented(session),
  );
  const addresses = outputs.flatMap(({ step, files }) =>
    files.map(({ address, key }) => `${padEnd(step, 12)}${address ?? key}`),
  );
  const shown = addresses.slice(0, ADDRESSES_SHOWN);
  const more = addresses.length - shown.length;
  return [...lines, ...shown, ...(more > 0 ? [session.paint('dim', `and ${more} more, see --json`)] : [])];
}

function outputState({ state, progress }: RecordingDetail['outputs'][number]): string {
  if (progress === null || progress.total === 0) return state;
  return `${state}, ${Math.floor((100 * progress.done) / progress.total)} %`;
}

function spent(seconds: number | undefined): string {
  return seconds === undefined ? '' : durationText(seconds * 1000);
}

function whyNot(state: string, error: { readonly message: string } | null): string {
  return state === 'done' || state === 'revoked' ? '' : (error?.message ?? '');
}

function attemptLines({ attempts }: RecordingDetail, session: Session): string[] {
  if (attempts.length === 0) return [];
  return renderTable(
    attempts,
    [
      { heading: 'no', text: ({ number }) => String(number), align: 'right' },
      { heading: 'begun', text: ({ started_at }) => localTime(started_at) },
      { heading: 'took', text: ({ started_at, ended_at }) => took(started_at, ended_at), align: 'right' },
      { heading: 'outcome', text: ({ outcome }) => outcome, style: ({ outcome }) => STATE_STYLES[outcome] },
      { heading: 'why', text: ({ error }) => error?.message ?? '', minWidth: 10 },
    ],
    indented(session),
  );
}

function deliveryLines({ deliveries }: RecordingDetail, session: Session): string[] {
  if (deliveries.length === 0) return [];
  return renderTable(
    deliveries,
    [
      { heading: 'type', text: ({ type }) => type },
      { heading: 'state', text: ({ state }) => (state === 'failed' ? 'given up' : state) },
      { heading: 'tries', text: ({ attempts }) => String(attempts), align: 'right' },
      { heading: 'last sent', text: ({ last_try: last }) => localTime(last?.at ?? null) },
      { heading: 'answered', text: answerTo, minWidth: 10 },
    ],
    indented(session),
  );
}

/** What the website has said the last time; what kept it from that, if it said nothing. */
function answerTo({ last_try: last, last_error: error }: RecordingDetail['deliveries'][number]): string {
  const said = last && [last.status, last.answer].filter((part) => part !== null && part !== '').join(' ');
  return said || (error?.message ?? '');
}

function eventLines({ events }: RecordingDetail, session: Session): string[] {
  const shown = events.slice(-EVENTS_SHOWN);
  if (shown.length === 0) return [];
  const lines = renderTable(
    shown,
    [
      { heading: 'at', text: ({ at }) => localTime(at) },
      { heading: 'what', text: ({ type }) => type },
      { heading: '', text: ({ data }) => dataText(data), minWidth: 10 },
    ],
    indented(session),
  );
  const earlier = events.length - shown.length;
  return earlier === 0 ? lines : [...lines, session.paint('dim', `and ${earlier} before, see --json`)];
}

function dataText(data: Readonly<Record<string, unknown>>): string {
  return Object.entries(data)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${valueText(value)}`)
    .join(', ');
}

function valueText(value: unknown): string {
  if (typeof value === 'object') return JSON.stringify(value);
  const text = String(value);
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? localTime(text) : text;
}

function took(from: string | null, to: string | null): string {
  return from === null || to === null ? '' : durationText(Date.parse(to) - Date.parse(from));
}
