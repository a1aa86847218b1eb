import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../../test/support/free-port.ts';
import { startPostgres, type TestPostgres } from '../../test/support/postgres.ts';

/** The database of all hosts: a server, its standby, and an address that leads to the one of them that is the primary. */
export interface SharedDatabase {
  /** The URL of the ledger's database, for whoever reaches the address. */
  readonly url: string;
  /** Ends the primary at once, and begins it again after a while. */
  crash(lastsMs: number): Promise<void>;
  /** Ends the primary for good, promotes the standby, and makes a new standby of it. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts both. A commit is on the standby too before it is answered, so a promotion loses nothing; while there is no standby yet,
 * the primary goes on alone.
 *
 * @param options.network The network that may reach the address
 */
export async function startSharedDatabase(options: {
  readonly address: string;
  readonly network: string;
}): Promise<SharedDatabase> {
  const { address, network } = options;
  const ports = new Map<TestPostgres, number>();
  const running = new Set<TestPostgres>();
  const door = await openDoor(address);

  async function begin(standbyOf?: string): Promise<TestPostgres> {
    const port = await freePort();
    const server = await startPostgres({
      listen: { address, port, network },
      ...(standbyOf === undefined ? {} : { standbyOf }),
    });
    ports.set(server, port);
    running.add(server);
    return server;
  }

  const tell = (server: TestPostgres, ...statements: string[]) =>
    // Each by itself: a setting of the system is no part of a transaction.
    statements.reduce<Promise<unknown>>(
      (done, statement) => done.then(() => server.ask(server.urlOf('postgres'), statement)),
      Promise.resolve(),
    );

  async function addStandby(to: TestPostgres): Promise<TestPostgres> {
    const added = await begin(to.urlOf('postgres'));
    await tell(to, "alter system set synchronous_standby_names = '*'", 'select pg_reload_conf()');
    return added;
  }

  async function end(server: TestPostgres): Promise<void> {
    running.delete(server);
    await server.stop();
  }

  let primary = await begin();
  const name = /\/(\w+)\?/.exec(await primary.create())?.[1] ?? '';
  let standby = await addStandby(primary);
  door.leadTo(ports.get(primary));

  /** One thing after another befalls them. */
  let last: Promise<unknown> = Promise.resolve();
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  }

  return {
    url: `postgres://sluice:secret@${address}:${door.port}/${name}`,
    crash: (lastsMs) =>
      inTurn(async () => {
        await primary.kill();
        await new Promise((resolve) => setTimeout(resolve, lastsMs));
        await primary.start();
      }),
    failOver: () =>
      inTurn(async () => {
        door.leadTo(undefined);
        await end(primary);
        primary = standby;
        await tell(primary, 'select pg_promote(true, 30)');
        await tell(primary, 'alter system reset synchronous_standby_names', 'select pg_reload_conf()');
        door.leadTo(ports.get(primary));
        standby = await addStandby(primary);
      }),
    async stop() {
      await last;
      await door.close();
      await Promise.all([...running].map(end));
    },
  };
}

/** An address at which connections are passed on to a port of the same machine, as a connection router does. */
async function openDoor(address: string) {
  const open = new Set<Socket>();
  let target: number | undefined;
  const server = createServer((client) => {
    const onward = target === undefined ? undefined : connect(target, address);
    for (const socket of [client, onward]) {
      if (socket === undefined) continue;
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        onward?.destroy();
      });
    }
    if (onward === undefined) client.destroy();
    else client.pipe(onward).pipe(client);
  });
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    /** Those that are open lead to where they led, and are ended. */
    leadTo(port: number | undefined) {
      target = port;
      for (const socket of open) socket.destroy();
    },
    async close() {
      target = undefined;
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
