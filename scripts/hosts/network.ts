import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Names the process that runs in a network of its own, so that it does not make another one. */
const INSIDE = 'SLUICE_HOSTS_INSIDE';

/** The network of the hosts; what they share is at its last address. */
const PREFIX = '10.77.0';
export const NETWORK = `${PREFIX}.0/24`;
const SHARED_ADDRESS = `${PREFIX}.254`;

/** An address on which nobody listens: what is sent there is lost. */
const NOBODY = '02:00:00:00:00:99';

/** How a host reaches the others, and how it is kept from that. */
export interface HostLink {
  readonly address: string;
  /** What a program and its arguments are begun with, to run on this host. */
  readonly command: readonly string[];
  /** Nothing passes either way. */
  cut(): Promise<void>;
  /** What it sends is lost, and what is sent to it arrives. */
  cutOut(): Promise<void>;
  /** Undoes both. */
  mend(): Promise<void>;
}

export interface Network {
  /** Where what the hosts share listens. */
  readonly address: string;
  /** Whether links can be cut. */
  readonly hasLinks: boolean;
  addHost(number: number): Promise<HostLink>;
  close(): Promise<void>;
}

/**
 * Runs this script once more, in a network of its own, and gives back how that ended; `undefined`: this is that one already, or
 * there may be none.
 */
export async function enterOwnNetwork(): Promise<number | undefined> {
  if (process.env[INSIDE] !== undefined || process.getuid?.() !== 0) return undefined;
  // All that is needed below, in a network that is gone at once.
  const trial =
    'ip link add name trial0 type bridge && ip link add name trial1 type veth peer name trial2 && nsenter --net=/proc/self/ns/net true';
  const mayEnter = await run('unshare', ['--net', 'sh', '-c', trial]).then(
    () => true,
    () => false,
  );
  if (!mayEnter) return undefined;
  const child = spawn('unshare', ['--net', process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  });
  // A terminal's Ctrl-C reaches the child by itself.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => child.kill(name));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** The network that this process is in: one of its own with a host at each end of a link, or this machine's loopback. */
export async function openNetwork(): Promise<Network> {
  if (process.env[INSIDE] === undefined) {
    return {
      address: '127.0.0.1',
      hasLinks: false,
      addHost: async (number) => ({
        address: `127.0.0.${number + 1}`,
        command: [],
        cut: async () => {},
        cutOut: async () => {},
        mend: async () => {},
      }),
      close: async () => {},
    };
  }
  await ip('link', 'set', 'lo', 'up');
  await ip('link', 'add', 'hosts', 'type', 'bridge');
  await ip('address', 'add', `${SHARED_ADDRESS}/24`, 'dev', 'hosts');
  await ip('link', 'set', 'hosts', 'up');
  const keepers: ChildProcess[] = [];

  return {
    address: SHARED_ADDRESS,
    hasLinks: true,
    async addHost(number) {
      // A network lives as long as somebody is in it.
      const keeper = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' });
      keepers.push(keeper);
      await once(keeper, 'spawn');
      const pid = String(keeper.pid);
      await untilElsewhere(pid);
      const [address, link] = [`${PREFIX}.${number}`, `host${number}`];
      const inside = ['nsenter', `--net=/proc/${pid}/ns/net`];
      const within = (...args: string[]) => run('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', ...args]);
      await ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid);
      await ip('link', 'set', link, 'master', 'hosts', 'up');
      await within('address', 'add', `${address}/24`, 'dev', 'eth0');
      for (const device of ['eth0', 'lo']) await within('link', 'set', device, 'up');
      return {
        address,
        command: inside,
        cut: async () => void (await ip('link', 'set', link, 'down')),
        async cutOut() {
          for (let last = 1; last <= 254; last = last === 9 ? 254 : last + 1) {
            if (last === number) continue;
            const neighbour = ['neighbour', 'replace', `${PREFIX}.${last}`, 'lladdr', NOBODY];
            await within(...neighbour, 'dev', 'eth0', 'nud', 'permanent');
          }
        },
        async mend() {
          await within('neighbour', 'flush', 'dev', 'eth0', 'nud', 'permanent');
          await ip('link', 'set', link, 'up');
        },
      };
    },
    async close() {
      for (const keeper of keepers) keeper.kill('SIGKILL');
    },
  };
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args);
}

/** Waits until a process has left this network. */
async function untilElsewhere(pid: string): Promise<void> {
  const networkOf = async (who: string) => (await run('readlink', [`/proc/${who}/ns/net`])).stdout;
  const ours = await networkOf('self');
  while ((await networkOf(pid)) === ours) await new Promise((resolve) => setTimeout(resolve, 5));
}
