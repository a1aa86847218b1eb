import { Readable } from 'node:stream';
import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import { accessDenied, statusModel } from './answers.ts';
import type { Content } from './content.ts';
import type { Collection, Library, Video } from './library.ts';
import { toVideoModel } from './video-model.ts';

export interface RestOptions {
  readonly library: Library;
  readonly libraryId: string;
  readonly apiKey: string;
  readonly readOnlyApiKey: string;
  readonly showsOriginalHash: boolean;
  readonly newContent: (name: string) => Content;
  /** Forgets the video's unfinished tus upload. */
  readonly forgetUpload: (guid: string) => Promise<void>;
  /** Aborted when the simulator closes. */
  readonly closing: AbortSignal;
}

type Fields = Readonly<Record<string, unknown>>;

const NOT_FOUND = statusModel(404, 'The requested video was not found');
const UPLOADED = statusModel(400, 'The requested video was already uploaded');
const MAX_ITEMS_PER_PAGE = 1000;

/** Creates the part of Bunny's Stream API under `/library/{libraryId}` (Bunny, Stream API reference). */
export function createRestApi(options: RestOptions): (request: SimulatorRequest) => Promise<Answer> {
  const { library, libraryId, newContent, forgetUpload } = options;
  const toModel = (video: Video) => toVideoModel(video, options);
  let received = 0;

  function createVideo(fields: Fields): Answer {
    const { title, collectionId, thumbnailTime } = fields;
    if (typeof title !== 'string' || title === '') return statusModel(400, 'The title field is required');
    const video = library.createVideo({
      title,
      collectionId: toText(collectionId),
      thumbnailTimeMs: typeof thumbnailTime === 'number' ? thumbnailTime : undefined,
    });
    return { status: 200, body: toModel(video) };
  }

  function listVideos(query: URLSearchParams): Answer {
    const collectionId = query.get('collection') ?? '';
    const found = [...library.videos.values()].filter(
      (video) =>
        library.known(video.guid) !== undefined &&
        matches(video.title, query.get('search')) &&
        (collectionId === '' || video.collectionId === collectionId),
    );
    const isByTitle = query.get('orderBy') === 'title';
    const sorted = isByTitle ? found.sort((a, b) => a.title.localeCompare(b.title)) : found.reverse();
    return { status: 200, body: toPage(sorted, query, toModel) };
  }

  function updateVideo(video: Video, fields: Fields): Answer {
    video.title = toText(fields['title']) ?? video.title;
    video.collectionId = toText(fields['collectionId']) ?? video.collectionId;
    for (const list of ['chapters', 'moments', 'metaTags'] as const) {
      const given = fields[list];
      if (Array.isArray(given)) video[list] = given;
    }
    return statusModel(200, 'OK');
  }

  async function deleteVideo(guid: string): Promise<Answer> {
    await forgetUpload(guid);
    return (await library.delete(guid)) ? statusModel(200, 'OK') : NOT_FOUND;
  }

  async function store(guid: string, body: Readable): Promise<Answer> {
    received += 1;
    const content = newContent(`${guid}.${received}`);
    try {
      await content.receive(body, Number.POSITIVE_INFINITY);
    } catch (error) {
      await content.drop();
      throw error;
    }
    if (!library.attach(guid, content)) {
      await content.drop();
      return UPLOADED;
    }
    await forgetUpload(guid);
    return statusModel(200, 'OK');
  }

  /** Takes the order and answers before anything is fetched; the caller never learns the guid. */
  function fetchVideo(query: URLSearchParams, fields: Fields): Answer {
    const address = toText(fields['url']) ?? '';
    if (!URL.canParse(address)) return statusModel(400, 'The url field is required');
    const headers = toFields(fields['headers']);
    const title = toText(fields['title']) || new URL(address).pathname.split('/').pop() || 'video';
    const collectionId = query.get('collectionId') ?? undefined;
    const video = library.createVideo({ title, collectionId });
    void download(address, headers)
      .then((body) => store(video.guid, body))
      .catch(() => {
        video.status = 6;
      });
    return statusModel(200, 'OK');
  }

  async function download(address: string, headers: Fields): Promise<Readable> {
    const sent = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
    const response = await fetch(address, { headers: sent, signal: options.closing });
    if (!response.ok || response.body === null) throw new Error(`${address} answered ${response.status}`);
    return Readable.fromWeb(response.body);
  }

  function addCaption(video: Video, srclang: string, fields: Fields): Answer {
    const file = toText(fields['captionsFile']) ?? '';
    if (file === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(file)) {
      return statusModel(400, 'captionsFile must be a base64 encoded captions file');
    }
    if (toText(fields['srclang']) !== srclang) return statusModel(400, 'srclang differs from the path');
    const text = Buffer.from(file, 'base64').toString('utf8');
    video.captions.set(srclang, { srclang, label: toText(fields['label']) ?? srclang, text });
    return statusModel(200, 'OK');
  }

  function createCollection(fields: Fields): Answer {
    const collection = library.createCollection(toText(fields['name']) ?? '');
    return { status: 200, body: toCollectionModel(collection) };
  }

  function listCollections(query: URLSearchParams): Answer {
    const found = [...library.collections.values()].filter(({ name }) => matches(name, query.get('search')));
    return { status: 200, body: toPage(found.reverse(), query, toCollectionModel) };
  }

  function toCollectionModel({ guid, name }: Collection) {
    const videos = [...library.videos.values()].filter(({ collectionId }) => collectionId === guid);
    return {
      videoLibraryId: Number(libraryId),
      guid,
      name,
      videoCount: videos.length,
      totalSize: videos.reduce((sum, { content }) => sum + (content?.bytes ?? 0), 0),
      previewVideoIds: videos.map((video) => video.guid).join(','),
      previewImageUrls: [],
    };
  }

  async function routeVideo(
    request: SimulatorRequest,
    guid: string,
    rest: readonly string[],
  ): Promise<Answer> {
    const video = library.known(guid);
    if (video === undefined) return NOT_FOUND;
    const [part, srclang] = rest;
    if (part === 'captions' && srclang !== undefined && request.method === 'POST') {
      return addCaption(video, srclang, toFields(await request.json()));
    }
    if (part === 'captions' && srclang !== undefined && request.method === 'DELETE') {
      return video.captions.delete(srclang) ? statusModel(200, 'OK') : NOT_FOUND;
    }
    if (part !== undefined) return statusModel(404, 'Not found');
    switch (request.method) {
      case 'GET':
        return { status: 200, body: toModel(video) };
      case 'POST':
        return updateVideo(video, toFields(await request.json()));
      case 'PUT':
        return video.content === undefined ? store(guid, request.body) : UPLOADED;
      case 'DELETE':
        return deleteVideo(guid);
      default:
        return statusModel(405, 'Method not allowed');
    }
  }

  return async (request) => {
    const { method, url } = request;
    const [root, library, kind, guid, ...rest] = url.pathname.slice(1).split('/').map(decodeURIComponent);
    if (root !== 'library') return statusModel(404, 'Not found');
    if (library !== libraryId || !hasAccess(request, options)) return accessDenied();

    switch (`${method} ${kind}${guid === undefined ? '' : '/'}${guid === 'fetch' ? guid : ''}`) {
      case 'GET videos':
        return listVideos(url.searchParams);
      case 'POST videos':
        return createVideo(toFields(await request.json()));
      case 'POST videos/fetch':
        return fetchVideo(url.searchParams, toFields(await request.json()));
      case 'GET collections':
        return listCollections(url.searchParams);
      case 'POST collections':
        return createCollection(toFields(await request.json()));
    }
    const collection = kind === 'collections' ? options.library.collections.get(guid ?? '') : undefined;
    if (collection !== undefined && method === 'GET')
      return { status: 200, body: toCollectionModel(collection) };
    if (collection !== undefined && method === 'DELETE') {
      options.library.deleteCollection(collection.guid);
      return statusModel(200, 'OK');
    }
    return kind === 'videos' && guid !== undefined
      ? routeVideo(request, guid, rest)
      : statusModel(404, 'Not found');
  };
}

/** The library's key opens everything, its read-only key only what is read. */
function hasAccess(request: SimulatorRequest, options: RestOptions): boolean {
  const key = request.headers['accesskey'];
  return key === options.apiKey || (request.method === 'GET' && key === options.readOnlyApiKey);
}

function toPage<T>(all: readonly T[], query: URLSearchParams, toModel: (item: T) => object) {
  const currentPage = Math.max(1, Number(query.get('page')) || 1);
  const itemsPerPage = Math.min(Math.max(1, Number(query.get('itemsPerPage')) || 100), MAX_ITEMS_PER_PAGE);
  const items = all.slice((currentPage - 1) * itemsPerPage, currentPage * itemsPerPage).map(toModel);
  return { totalItems: all.length, currentPage, itemsPerPage, items };
}

function matches(text: string, search: string | null): boolean {
  return text.toLowerCase().includes((search ?? '').toLowerCase());
}

function toFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
