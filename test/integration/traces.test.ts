import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse } from '../support/house.ts';
import { type CollectedSpan, startTraceCollector } from '../support/trace-collector.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function openTracedHouse(endpoint: string): Promise<House> {
  const house = await openHouse({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
  open.push(house);
  return house;
}

async function startCollector() {
  const collector = await startTraceCollector();
  open.push(collector);
  return collector;
}

/** Each span's name, the process that it is from and the name of its parent. */
function tree(spans: readonly CollectedSpan[]): string[] {
  return spans
    .map(({ name, service, parentSpanId }) => {
      const parent = spans.find(({ spanId }) => spanId === parentSpanId)?.name ?? parentSpanId ?? 'nothing';
      return `${service}: ${name} in ${parent}`;
    })
    .sort();
}

describe('the trace of a recording', () => {
  it('leads from the door to the announcement, through both processes', async () => {
    const collector = await startCollector();
    const house = await openTracedHouse(collector.url);
    await house.startWorker();

    const { id } = await house.addZoom('algebra');
    await house.announced(id);

    await expect
      .poll(() => tree(collector.of(id)), { timeout: 10_000 })
      .toEqual([
        'sluice-pipeline: door.accept in nothing',
        'sluice-worker: attempt in door.accept',
        // That it is published, and that it is playable.
        'sluice-worker: delivery in door.accept',
        'sluice-worker: delivery in door.accept',
        'sluice-worker: line.wait in door.accept',
        'sluice-worker: stage.archive in attempt',
        'sluice-worker: stage.cleanup in attempt',
        'sluice-worker: stage.fetch in attempt',
        'sluice-worker: stage.notify in attempt',
        'sluice-worker: stage.publish in attempt',
      ]);
    const spans = collector.of(id);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    for (const { traceId, spanId } of spans) {
      expect([traceId, spanId]).toEqual([
        expect.stringMatching(/^[\da-f]{32}$/),
        expect.stringMatching(/^[\da-f]{16}$/),
      ]);
    }
    for (const { startTimeUnixNano: start, endTimeUnixNano: end } of spans) {
      expect(BigInt(end)).toBeGreaterThanOrEqual(BigInt(start));
      expect(Math.abs(Number(BigInt(start) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
    }
  });

  it('shows each attempt with its error, and no secret', async () => {
    const collector = await startCollector();
    const house = await openTracedHouse(collector.url);
    // As often as one step is tried in place.
    house.b2.fail({ on: 'POST /b2api/*/b2_upload_file/*', count: 5, status: 400 });
    await house.startWorker();

    const { id } = await house.addZoom('geometry');
    // What it is downloaded by is forgotten once it is done.
    const origin = (await house.recordings.get(id))?.origin;
    await house.reaches(id, 'failed', 'done');

    await expect
      .poll(() => collector.of(id).find(({ name }) => name === 'attempt')?.status, { timeout: 10_000 })
      .toMatchObject({ code: 2 });
    const text = JSON.stringify(collector.spans);
    expect(origin?.kind === 'zoom' && origin.downloadToken).toBeTruthy();
    if (origin?.kind === 'zoom') {
      expect(text).not.toContain(origin.downloadToken);
      expect(text).not.toContain(origin.downloadUrl);
    }
  });

  it('is not missed by a recording while the collector is down', async () => {
    const house = await openTracedHouse(`http://127.0.0.1:${await freePort()}`);
    const worker = await house.startWorker();

    const { id } = await house.addCustom('calculus');
    await house.announced(id);
    await house.reaches(id, 'done');

    const startedMs = performance.now();
    await worker.stop();
    expect(performance.now() - startedMs).toBeLessThan(4000);
  });
});
