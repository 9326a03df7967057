import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { Program, type ProgramOptions } from './program.ts';
import { run } from './run.ts';

/** A host of the benchmark: a network namespace with one address on a cable to the other one. */
export class Host {
  readonly name: string;
  readonly address: string;

  constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
  }

  /** The command that runs another one inside this host; it execs, so the process id is that of the program. */
  inside(command: readonly string[]): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.name}`, ...command];
  }

  /** Starts a daemon inside this host. */
  start(name: string, command: readonly string[], options: ProgramOptions): Program {
    return new Program(`${this.name}/${name}`, this.inside(command), options);
  }
}

/** Where the sandbox keeps its files: an in-memory file system over a folder that every Debian has and nobody uses. */
export const SCRATCH = '/media';

// New connections in their tens of thousands: enough ports, reused at once, and queues that hold a burst.
const SETTINGS = [
  'net.ipv4.ip_local_port_range=1024 65535',
  'net.ipv4.tcp_tw_reuse=1',
  'net.core.somaxconn=4096',
  'net.ipv4.tcp_max_syn_backlog=4096',
];

/** Prepares the sandbox for hosts: a private /run/netns and scratch files in memory. Call once, inside the sandbox. */
export async function prepareSandbox(): Promise<void> {
  if (process.pid !== 1)
    throw new Error('Hosts of the benchmark are made inside its sandbox only; start test/bench/bench.ts');
  await mkdir('/run/netns', { recursive: true });
  await run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'isthmus-bench', '/run/netns']);
  await run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'isthmus-bench', SCRATCH]);
}

/**
 * Two hosts joined by a cable.
 * @param prefix of their names, such as `plain`: hosts `plain-a` and `plain-b`.
 * @param network its first three bytes, such as `10.77.0`.
 */
export async function makeHosts(prefix: string, network: string): Promise<readonly [Host, Host]> {
  const hosts = [new Host(`${prefix}-a`, `${network}.1`), new Host(`${prefix}-b`, `${network}.2`)] as const;
  const [a, b] = hosts;
  for (const host of hosts) await run(['ip', 'netns', 'add', host.name]);
  await run(['ip', '-n', a.name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', b.name]);
  for (const host of hosts) {
    await run(['ip', '-n', host.name, 'address', 'add', `${host.address}/24`, 'dev', 'eth0']);
    for (const device of ['lo', 'eth0']) await run(['ip', '-n', host.name, 'link', 'set', device, 'up']);
    await run([...host.inside(['sysctl', '-q', '-w']), ...SETTINGS]);
  }
  return hosts;
}

/** Whether a process's network namespace has a TCP listener on a port, as /proc/<pid>/net/tcp tells. */
export function listens(pid: number, port: number): boolean {
  const wanted = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} [0-9A-F]+:0000 0A `);
  return ['tcp', 'tcp6'].some(table => wanted.test(readFileSync(`/proc/${pid}/net/${table}`, 'utf8')));
}
