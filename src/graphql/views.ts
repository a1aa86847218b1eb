import { tagOf } from '../desk/asset-players.ts';
import type { AssetInSight, AssetJob } from '../desk/library.ts';
import { endingOf, streamsOf } from '../domain/asset.ts';
import { type AssetPlayer, type MadeFile, missingOf } from '../domain/asset-player.ts';
import { KnownError } from '../domain/errors.ts';
import { CONTAINERS, type ContainerName } from '../domain/media/containers.ts';
import { USUAL_CODECS } from '../domain/media/encoding.ts';
import type { NewPreset, PresetSeen } from '../domain/preset.ts';

/* What the desk tells, in the words of the schema. */

export function viewAsset(asset: AssetInSight) {
  const { looked, createdAtMs, error, bytes, ...same } = asset;
  const { video, audio } = streamsOf(looked);
  const isTurned = Math.abs(video?.rotationDegrees ?? 0) % 180 === 90;
  const [width, height] = isTurned ? [video?.heightPx, video?.widthPx] : [video?.widthPx, video?.heightPx];
  return {
    id: same.id,
    path: same.path,
    filename: same.filename,
    status: same.status,
    comments: same.comments,
    url: same.url ?? null,
    duration: looked?.durationS ?? null,
    size: bytes,
    width: width ?? null,
    height: height ?? null,
    container: looked?.container || null,
    videoCodec: video?.codec ?? null,
    audioCodec: audio?.codec ?? null,
    frameRate: video?.framesPerS ?? null,
    error: error?.message ?? null,
    errorCode: error?.code ?? null,
    createdAt: iso(createdAtMs),
  };
}

/** Where this server hands out what is shown of an asset: another address for each that is made anew. */
export function viewPlayer(
  { id, videoCodec, audioCodec }: Pick<ReturnType<typeof viewAsset>, 'id' | 'videoCodec' | 'audioCodec'>,
  player: AssetPlayer,
) {
  const at = `/api/assets/${encodeURIComponent(id)}`;
  const fileAt = ({ of, name }: MadeFile) =>
    `${at}/made/${[of.runId, of.step, name].map(encodeURIComponent).join('/')}`;
  const { poster, sprite, waveform, hls } = player;
  return {
    poster: poster === undefined ? null : `${at}/poster?v=${tagOf(poster.of, poster.name)}`,
    sprite: sprite === undefined ? null : fileAt(sprite),
    waveform: waveform === undefined ? null : fileAt(waveform),
    hls: hls === undefined ? null : fileAt(hls),
    missing: missingOf(player, { video: videoCodec !== null, audio: audioCodec !== null }),
  };
}

export function viewJob(job: AssetJob, adviceFor: (error: { code: string }) => string | null) {
  const { error, outputs, createdAtMs, startedAtMs, endedAtMs } = job;
  const views = outputs.map((output) => ({
    key: output.key,
    url: output.address,
    mediaType: output.mediaType,
    size: output.bytes,
    duration: output.durationS,
  }));
  const main = views.find(({ key }) => /\.(m3u8|mpd)$/.test(key)) ?? views[0];
  return {
    id: job.id,
    sourceAssetId: job.assetId,
    presetId: job.preset,
    status: job.status,
    progress: job.percent,
    error: error?.message ?? null,
    errorCode: error?.code ?? null,
    advice: error === null ? null : adviceFor(error),
    output: main?.key ?? null,
    outputUrl: main?.url ?? null,
    outputs: views,
    startsAt: job.part?.startsAtS ?? null,
    endsAt: job.part?.endsAtS ?? null,
    createdAt: iso(createdAtMs),
    startedAt: startedAtMs === null ? null : iso(startedAtMs),
    endedAt: endedAtMs === null ? null : iso(endedAtMs),
  };
}

export function viewPreset(preset: PresetSeen) {
  const { name, description, task, params, version, isBuiltIn, problems } = preset;
  const number = (value: unknown) => (typeof value === 'number' ? value : null);
  return {
    id: name,
    name,
    description,
    task,
    params,
    version,
    isBuiltIn,
    problems,
    ...codecsOf(task, params),
    quality: textOr(params['quality'], task === 'transcode' ? 'good' : null),
    shortSide: number(params['shortSide']),
  };
}

/** What a preset makes, as far as its task says it. */
function codecsOf(task: string, params: NewPreset['params']) {
  const none = { container: null, videoCodec: null, audioCodec: null };
  switch (task) {
    case 'transcode': {
      const container = textOr(params['container'], 'mp4');
      const usual = Object.hasOwn(CONTAINERS, container)
        ? USUAL_CODECS[container as ContainerName]
        : undefined;
      const codec = (given: unknown, other: string | undefined) => {
        const said = textOr(given, other ?? null);
        return said === 'none' ? null : said;
      };
      return {
        container,
        videoCodec: codec(params['video'], usual?.video),
        audioCodec: codec(params['audio'], usual?.audio),
      };
    }
    case 'package': {
      const formats = Array.isArray(params['formats']) ? params['formats'].map(String) : undefined;
      const usual = params['segments'] === 'ts' ? ['hls'] : ['hls', 'dash'];
      return {
        container: (formats ?? usual).join(', '),
        videoCodec: textOr(params['codec'], 'h264'),
        audioCodec: 'aac',
      };
    }
    case 'watermark':
      return { container: 'mp4', videoCodec: 'h264', audioCodec: 'aac' };
    case 'thumbnail':
      return { ...none, container: endingOf(task, params) ?? null };
    default:
      return none;
  }
}

function textOr<T extends string | null>(value: unknown, other: T): string | T {
  return typeof value === 'string' ? value : other;
}

/** Fields of presets that are parameters under other names, by the task. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  transcode: {
    container: 'container',
    videoCodec: 'video',
    audioCodec: 'audio',
    quality: 'quality',
    shortSide: 'shortSide',
  },
  package: { videoCodec: 'codec' },
  watermark: { quality: 'quality' },
};

export interface PresetFields {
  readonly container?: string | null;
  readonly videoCodec?: string | null;
  readonly audioCodec?: string | null;
  readonly quality?: string | null;
  readonly shortSide?: number | null;
  readonly params?: unknown;
}

/**
 * The parameters of a preset: those that there are or are given, and what its fields say before them; `null` takes one away.
 *
 * @throws KnownError `REQUEST_INVALID` for a field that the task has not
 */
export function paramsOf(
  task: string,
  { params, ...fields }: PresetFields,
  before: NewPreset['params'] = {},
): NewPreset['params'] {
  const given = params ?? before;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid('params: has to be an object of parameters by their names');
  }
  const found: Record<string, unknown> = { ...given };
  for (const name of ['container', 'videoCodec', 'audioCodec', 'quality', 'shortSide'] as const) {
    const value = fields[name];
    if (value === undefined) continue;
    const param = FIELDS[task]?.[name];
    if (param === undefined) throw invalid(`${name}: the task "${task}" has no such parameter`);
    if (value === null) delete found[param];
    else found[param] = value;
  }
  return found;
}

export function invalid(message: string): KnownError {
  return new KnownError(message, { code: 'REQUEST_INVALID' });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
