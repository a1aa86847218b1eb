import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

export interface CollectedSpan extends OtlpSpan {
  readonly service: string;
}

/** An OpenTelemetry collector for traces in JSON, on a free port. */
export async function startTraceCollector() {
  const spans: CollectedSpan[] = [];
  const server = createServer((request, response) => {
    request.toArray().then((chunks: Buffer[]) => {
      const isTraces = request.method === 'POST' && request.url === '/v1/traces';
      if (isTraces) collect(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      response.writeHead(isTraces ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
    });
  });

  // biome-ignore lint/suspicious/noExplicitAny: the shape is checked by what is looked for in it
  function collect(body: any): void {
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const name = resource.attributes.find(({ key }: { key: string }) => key === 'service.name');
      for (const scope of scopeSpans) {
        for (const span of scope.spans) spans.push({ ...span, service: name.value.stringValue });
      }
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    /** Those of one recording. */
    of: (recordingId: string) =>
      spans.filter(({ attributes }) =>
        attributes.some(
          ({ key, value }) => key === 'sluice.recording.id' && value['stringValue'] === recordingId,
        ),
      ),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
