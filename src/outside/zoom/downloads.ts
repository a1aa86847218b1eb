import type { Source } from '../../engine/ports/source.ts';
import { type Request, readText, refusal, send } from '../../lib/http.ts';
import type { DownloadHosts } from '../web/download-hosts.ts';
import { createDownloads } from '../web/downloads.ts';
import type { ZoomAccount } from './account.ts';
import type { ZoomApiOptions } from './client.ts';
import { apiOf, createZoomApis } from './clients.ts';

const SERVICE = 'Zoom';

export interface ZoomOptions extends Omit<ZoomApiOptions, 'credentials'> {
  readonly hosts: DownloadHosts;
  /** The least rate of downloads. */
  readonly minBytesPerSecond?: number;
  /** Of each account that Zoom may be asked about; one without an id stands for every account. */
  readonly accounts: readonly Pick<ZoomAccount, 'id' | 'credentials'>[];
}

export function createZoom(options: ZoomOptions): Source {
  const apis = createZoomApis(options);
  const downloads = createDownloads({ ...options, service: SERVICE });

  return {
    async probe({ signal }) {
      if (apis.length === 0) return;
      const request: Request = {
        service: SERVICE,
        method: 'GET',
        url: `${options.apiUrl}/users/me`,
        signal,
        idleTimeoutMs: options.idleTimeoutMs,
      };
      const response = await send(request);
      const text = await readText(request, response);
      const error = refusal(request, response.status, text, response.headers);
      if (response.status >= 500 || response.status === 408 || response.status === 429) throw error;
    },

    freshAddress: async (input) => await apiOf(apis, input.accountId ?? null)?.findFile(input),

    openDownload: downloads.openDownload,
  };
}
