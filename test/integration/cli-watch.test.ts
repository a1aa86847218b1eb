import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { cliOf, openTerminal, runSluice, startSluice, type Terminal } from '../support/cli.ts';
import { pauseLine, QUICK_SETTINGS, resumeLine, UNWATCHED } from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';

const MIB = 1024 * 1024;
const SLOW_BYTES_PER_S = 3 * MIB;
const WAIT = { timeout: 20_000 };

let house: House;
let terminal: Terminal | undefined;

beforeAll(async () => {
  house = await openHouse({
    ...QUICK_SETTINGS,
    ...UNWATCHED,
    PUBLISH_PATCH_BYTES: '1073741824',
    TRANSFER_IDLE_TIMEOUT_S: '20',
  });
  await house.startWorker();
});
afterAll(() => house.close());
afterEach(() => {
  terminal?.close();
  terminal = undefined;
  slowDown(undefined);
});

function slowDown(bytesPerSecond: number | undefined): void {
  house.b2.link.bytesPerSecond = bytesPerSecond;
  house.bunny.link.bytesPerSecond = bytesPerSecond;
}

describe('sluice watch in a terminal', () => {
  it('shows a bar for each leg, draws it over itself, and ends when the recording has ended', async () => {
    slowDown(SLOW_BYTES_PER_S);
    const { id } = await house.addCustom('Bars', { bytes: 24 * MIB });
    terminal = openTerminal(['watch', id], cliOf(house));
    const shown = terminal;

    await vi.waitFor(() => expect(shown.screen().join('\n')).toMatch(/archive +█+░+ +\d+ % /), WAIT);
    const screen = shown.screen();
    expect(screen.filter((line) => /^ {2}(fetch|archive|publish) /.test(line))).toHaveLength(3);
    expect(screen.filter((line) => line.includes('Bars'))).toHaveLength(1);
    expect(Math.max(...screen.map((line) => line.length))).toBeLessThan(100);
    slowDown(undefined);

    expect(await shown.ended).toEqual({ exitCode: 0, isRestored: true });
    expect(shown.redraws()).toBeGreaterThan(4);
    expect(shown.screen().filter((line) => line !== '')).toEqual([
      expect.stringMatching(/^✓ \d\d:\d\d:\d\d Bars {2}done, 25\.2 MB in [\d.]+ s$/),
    ]);
    expect(shown.isCursorBack()).toBe(true);
  });

  it('gives the terminal back on Ctrl+C', async () => {
    terminal = openTerminal(['watch'], cliOf(house));
    const shown = terminal;
    await vi.waitFor(() => expect(shown.screen().join('\n')).toContain('Nothing moves.'), WAIT);

    shown.type('\u0003');

    expect(await shown.ended).toEqual({ exitCode: 0, isRestored: true });
    expect(shown.isCursorBack()).toBe(true);
    expect(shown.screen().join('\n')).not.toContain('Nothing moves.');
  });

  it('keeps to a narrow terminal, also with wide characters', async () => {
    slowDown(SLOW_BYTES_PER_S);
    await pauseLine(house);
    const { id } = await house.addCustom('代数学の授業 第一回 とても長い題名', { bytes: 24 * MIB });
    terminal = openTerminal(['watch', id], cliOf(house), { columns: 40, rows: 10 });
    const shown = terminal;
    await vi.waitFor(() => expect(shown.screen().join('\n')).toContain('代数'), WAIT);
    await resumeLine(house);

    await vi.waitFor(() => expect(shown.screen().join('\n')).toMatch(/archive +█+░+/), WAIT);
    const title = shown.screen().find((line) => line.startsWith('代数')) ?? '';
    expect(title).toContain('…');
    slowDown(undefined);
    expect((await shown.ended).exitCode).toBe(0);
  });
});

describe('sluice watch without a terminal', () => {
  it('says one JSON object per line, up to the end of the recording', async () => {
    slowDown(SLOW_BYTES_PER_S);
    await pauseLine(house);
    const { id } = await house.addCustom('Json', { bytes: 4 * MIB });

    const { child, output } = startSluice(['watch', id, '--json'], cliOf(house));
    const ended = once(child, 'close');
    await vi.waitFor(() => expect(output.stdout).toContain('\n'), WAIT);
    await resumeLine(house);

    expect((await ended)[0]).toBe(0);
    const messages = output.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(messages[0]).toMatchObject({ event: 'state', recording: { id } });
    expect(messages.at(-1)).toMatchObject({ event: 'recording', type: 'recording.done', recording_id: id });
    const progress = messages.filter(({ event }) => event === 'progress');
    expect(progress.at(-1)?.legs.archive).toMatchObject({ total_bytes: 4 * MIB });
    expect(messages.every(({ event }) => ['state', 'recording', 'progress'].includes(event))).toBe(true);
  });

  it('ends at once where the recording has ended', async () => {
    const { id } = await house.addCustom('Over');
    await house.reaches(id, 'done');

    const { exitCode, stdout } = await runSluice(['watch', id], cliOf(house));

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}Over {2}done\n$/);
    expect(stdout).not.toContain('\u001b');
  });

  it('ends with 1 when it fails', async () => {
    const path = join(house.files, 'gone.mp4');
    const { id } = await house.addCustom('gone', {
      not_before: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const { child, output } = startSluice(['watch', id], cliOf(house));
    await vi.waitFor(() => expect(output.stdout).toContain('waiting, not before'), WAIT);
    await rm(path);

    await house.post(`/api/recordings/${id}/schedule`, { not_before: null });
    const exitCode = await new Promise((resolve) => child.once('close', resolve));

    expect(exitCode).toBe(1);
    expect(output.stdout).toContain('failed: ');
  });

  it('tells, after the connection was lost, what happened meanwhile', async () => {
    const { server, url } = await cuttingProxy(house.config.pipeline.port);
    const { child, output } = startSluice(['watch', '--json', '--url', url], cliOf(house));
    try {
      await vi.waitFor(() => expect(output.stdout).toContain('"event":"state"'), WAIT);
      server.cut();
      await vi.waitFor(() => expect(output.stdout).toContain('"event":"lost"'), WAIT);
      const { id } = await house.addCustom('Meanwhile');
      await house.reaches(id, 'done');
      server.mend();

      await vi.waitFor(() => {
        const told = output.stdout
          .split('\n')
          .filter((line) => line.includes(id) && line.includes('"event":"recording"'));
        expect(told[0]).toContain('recording.accepted');
        expect(told.at(-1)).toContain('recording.done');
      }, WAIT);
    } finally {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGINT');
      expect(await ended).toBe(0);
      server.close();
    }
  });
});

/** A way to the server that can be cut and mended. */
async function cuttingProxy(port: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const proxy = createServer((socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    const onward = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const { port: own } = proxy.address() as { port: number };
  return {
    url: `http://127.0.0.1:${own}`,
    server: {
      cut,
      mend: () => {
        isCut = false;
      },
      close: () => {
        cut();
        proxy.close();
      },
    },
  };
}
