import { mkdir, writeFile } from 'node:fs/promises';
import { type Exit, type ProcessOptions, type Running, startIn } from './process.ts';

/** A network namespace that programs run in. */
export interface Place {
  readonly name: string;
  /** Name of the network namespace, as `ip netns` knows it. */
  readonly namespace: string;
  /** The namespace as a file, such as Envoy wants it. */
  readonly namespacePath: string;
  /** IPv4, unless its network has IPv6 alone. */
  readonly address: string;
  readonly address6: string;
  /** Starts a program. It is killed with the network at the latest. */
  spawn(argv: readonly string[], options?: ProcessOptions): Running;
  /** Runs a program to its end (killed after `timeoutMs`, 30 s when absent); does not throw when it fails. */
  exec(argv: readonly string[], options?: ProcessOptions & { readonly timeoutMs?: number }): Promise<Exit>;
  /** As `exec`, and resolves to its stdout. @throws when it fails. */
  run(argv: readonly string[], options?: ProcessOptions & { readonly timeoutMs?: number }): Promise<string>;
  /** Writes its resolv.conf: seen at once by programs that look again. */
  setResolvers(servers: readonly string[], more?: string): Promise<void>;
}

/** A host: a place with folders for daemons, and containers. */
export interface Host extends Place {
  /** Holds all its files; removed with the network. Readable by every user. */
  readonly folder: string;
  readonly configDir: string;
  readonly stateDir: string;
  readonly runDir: string;
  /** A network namespace of its own behind this host: it reaches other hosts through it, and they cannot reach it. */
  container(name: string): Promise<Container>;
}

/** A place that ends and begins anew while its host goes on. */
export interface Container extends Place {
  /** Ends its programs and removes its network. */
  stop(): Promise<void>;
  /** Makes its network anew, under the same path and with the same addresses; programs have to be started again. */
  start(): Promise<void>;
}

/** What tests of daemons say on their command line. */
export function folderFlags(host: Host): string[] {
  return ['--config-dir', host.configDir, '--state-dir', host.stateDir, '--run-dir', host.runDir];
}

/** A place over a namespace that is there. */
export function placeOf(name: string, namespace: string, address: string, address6: string): Place {
  const spawn: Place['spawn'] = (argv, options) => startIn(namespace, argv, options);
  const exec: Place['exec'] = async (argv, options) => {
    const running = spawn(argv, options);
    const timer = setTimeout(() => running.child.kill('SIGKILL'), options?.timeoutMs ?? 30_000);
    try {
      return await running.exited;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    name,
    namespace,
    namespacePath: `/run/netns/${namespace}`,
    address,
    address6,
    spawn,
    exec,
    async run(argv, options) {
      const exit = await exec(argv, options);
      if (exit.code === 0) return exit.stdout;
      throw new Error(
        `${name}: ${argv.join(' ')} ended with ${exit.signal ?? exit.code}: ${exit.stderr || exit.stdout}`,
      );
    },
    async setResolvers(servers, more = '') {
      await writeResolvers(namespace, servers, more);
    },
  };
}

/** Makes what `ip netns exec` mounts over /etc in that namespace. */
export async function writeResolvers(namespace: string, servers: readonly string[], more = ''): Promise<void> {
  await mkdir(`/etc/netns/${namespace}`, { recursive: true });
  const lines = servers.map(server => `nameserver ${server}\n`).join('');
  await writeFile(`/etc/netns/${namespace}/resolv.conf`, lines + more);
}
