import type { HrTime } from '@opentelemetry/api';
import { sha256 } from '../lib/digest.ts';
import type { TracedSpan, Tracer } from '../lib/tracer.ts';

/** How long spans are gathered, and how long an export, or the last one of a process, may take; in milliseconds. */
const GATHER_MS = 1000;
const EXPORT_TIMEOUT_MS = 5000;

export interface Tracing extends Tracer {
  /** Exports what is left, if the collector takes it. */
  stop(): Promise<void>;
}

/**
 * Exports spans to an OpenTelemetry collector, by OTLP over HTTP. The ids are made of the recording's id and the span's
 * key, so that every process writes into the same trace, and nothing is handed from one to the next. What the collector
 * does not take is dropped. The libraries are loaded here, so that who does not trace does not have them in memory.
 */
export async function openTracing(options: {
  readonly endpoint: string;
  /** Names this process. */
  readonly service: string;
  readonly version: string;
}): Promise<Tracing> {
  const { SpanKind, SpanStatusCode, TraceFlags } = await import('@opentelemetry/api');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { resourceFromAttributes } = await import('@opentelemetry/resources');
  const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace');

  const resource = resourceFromAttributes({
    'service.name': options.service,
    'service.namespace': 'sluice',
    'service.version': options.version,
  });
  const exporter = new OTLPTraceExporter({
    url: `${options.endpoint}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const processor = new BatchSpanProcessor({
    exporter,
    scheduledDelayMillis: GATHER_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT };

  function contextOf(recordingId: string, key: string) {
    return {
      traceId: sha256(recordingId).slice(0, 32),
      spanId: sha256(`${recordingId} ${key}`).slice(0, 16),
      traceFlags: TraceFlags.SAMPLED,
    };
  }

  return {
    record(span: TracedSpan) {
      const { recordingId, name, key, parentKey, kind, attributes, error } = span;
      const endMs = Math.max(span.startMs, span.endMs);
      const context = contextOf(recordingId, key);
      processor.onEnd({
        name,
        kind: kind === undefined ? SpanKind.INTERNAL : kinds[kind],
        spanContext: () => context,
        ...(parentKey === undefined ? {} : { parentSpanContext: contextOf(recordingId, parentKey) }),
        startTime: hrTime(span.startMs),
        endTime: hrTime(endMs),
        duration: hrTime(endMs - span.startMs),
        ended: true,
        status:
          error === undefined
            ? { code: SpanStatusCode.UNSET }
            : { code: SpanStatusCode.ERROR, message: error.message },
        attributes: {
          'sluice.recording.id': recordingId,
          ...attributes,
          ...(error === undefined ? {} : { 'error.type': error.code }),
        },
        links: [],
        events: [],
        resource,
        instrumentationScope: { name: 'sluice', version: options.version },
        droppedAttributesCount: 0,
        droppedEventsCount: 0,
        droppedLinksCount: 0,
      });
    },
    async stop() {
      // A collector that does not listen holds nobody up.
      const late = new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS).unref());
      await Promise.race([processor.shutdown().catch(() => {}), late]);
    },
  };
}

function hrTime(ms: number): HrTime {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1_000_000)];
}
