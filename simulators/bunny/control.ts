import type { Readable } from 'node:stream';
import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { Library } from './library.ts';
import type { SimulatedVideo } from './simulated-video.ts';
import type { PatchInterruption, TusEndpoint } from './tus.ts';

export interface ControlOptions {
  readonly library: Library;
  readonly tus: TusEndpoint;
  readonly videos: () => readonly SimulatedVideo[];
  readonly read: (guid: string) => Readable;
  readonly keepBytes: boolean;
  readonly setClock: (aheadMs: number) => void;
  readonly setSettling: (settleMs: number) => void;
}

/** Creates what answers under `/__sim/`: the simulator's own methods, for use from another process. */
export function createControl(
  options: ControlOptions,
): (request: SimulatorRequest) => Promise<Answer | undefined> {
  const { library, tus, videos, read, keepBytes } = options;

  return async (request) => {
    const { pathname } = request.url;
    const [guid = ''] = pathname.replace('/__sim/videos/', '').split('/');
    switch (`${request.method} ${pathname.replace(/(videos\/)[^/]+/, '$1*')}`) {
      case 'GET /__sim/videos':
        return { status: 200, body: videos() };
      case 'GET /__sim/collections':
        return { status: 200, body: [...library.collections.values()] };
      case 'GET /__sim/videos/*/content':
        if (library.videos.get(guid)?.content === undefined) return { status: 404 };
        return keepBytes ? { status: 200, body: read(guid) } : { status: 410 };
      case 'POST /__sim/videos/*/fail-encoding':
        return { status: library.failEncoding(guid) ? 204 : 404 };
      case 'POST /__sim/purge-uploads':
        return { status: 200, body: { purged: await tus.purge() } };
      case 'POST /__sim/hold-encoding':
        library.holdEncoding(((await request.json()) as { isHeld: boolean }).isHeld);
        return { status: 204 };
      case 'POST /__sim/videos/*/claim':
        return { status: library.claim(guid, (await request.json()) as object) ? 204 : 404 };
      case 'POST /__sim/clock':
        options.setClock(((await request.json()) as { aheadMs: number }).aheadMs);
        return { status: 204 };
      case 'POST /__sim/settle':
        options.setSettling(((await request.json()) as { settleMs: number }).settleMs);
        return { status: 204 };
      case 'POST /__sim/interrupt-patch':
        tus.interrupt((await request.json()) as PatchInterruption);
        return { status: 204 };
      default:
        return undefined;
    }
  };
}
