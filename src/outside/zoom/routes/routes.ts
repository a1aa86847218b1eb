import type { WingRoutes } from '../../../server/routes/wing-routes.ts';
import type { ZoomCatchUp } from '../catch-up.ts';
import type { ZoomIgnored } from '../tables/ignored.ts';
import { addZoomCatchUpApi } from './catch-up.ts';
import { addZoomDoor, type ZoomDoorOptions } from './door.ts';
import { addZoomApi } from './ignored.ts';

/** Zoom's door, and what people see and bring of what is with Zoom. */
export function zoomRoutes(options: {
  readonly door: ZoomDoorOptions;
  readonly ignored: Pick<ZoomIgnored, 'newest'>;
  readonly catchUp: Pick<ZoomCatchUp, 'ingest' | 'bring' | 'step'>;
}): WingRoutes {
  return {
    signatures: {
      zoomSignature: {
        type: 'apiKey',
        in: 'header',
        name: 'x-zm-signature',
        description:
          'Zoom’s signature of x-zm-request-timestamp and the body, with the Secret Token of its app',
      },
    },
    tags: [{ name: 'zoom', description: 'What no event has brought' }],
    addTo(app) {
      addZoomDoor(app, options.door);
      addZoomApi(app, options);
      addZoomCatchUpApi(app, options.catchUp);
    },
  };
}
