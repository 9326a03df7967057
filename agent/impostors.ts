import { closeSync, openSync, readSync } from 'node:fs';
import type { PlatformProblem } from '../platforms/platform.ts';
import type { Member } from './members.ts';
import { socketsIn, type TcpSocket } from './tcp-table.ts';

export interface ImpostorsOptions {
  /** Those whose ports calls are delivered to. */
  readonly captured: () => readonly Member[];
  /** User of the proxy. */
  readonly proxyUid: number;
  /** For tests; as the kernel tells when absent. */
  readonly listeners?: () => readonly TcpSocket[];
  /** How long what was seen holds, milliseconds. */
  readonly againMs?: number;
}

/** Of a program that listens, who is asked often: each second or so. */
const AGAIN_MS = 10_000;
/** The kernel lists sockets that listen first, and there are few of these. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Ports of workloads where another user listens, and neither the workload's own nor root. The rules keep calls from such a program, which may
 * be a thief; but it may also be that the workload's file names the wrong user, and nothing else would tell why calls are refused.
 */
export class Impostors {
  readonly #options: ImpostorsOptions;
  #seen: { readonly at: number; readonly listeners: readonly TcpSocket[] } | undefined;

  constructor(options: ImpostorsOptions) {
    this.#options = options;
  }

  problems(): readonly PlatformProblem[] {
    const { captured, proxyUid } = this.#options;
    const users = captured().flatMap(({ input: { local } }) =>
      local.selector.kind === 'user' ? [{ workload: local.workload, uid: local.selector.uid }] : [],
    );
    if (users.length === 0) return [];
    const byPort = Map.groupBy(this.#listeners(), ({ port }) => port);
    const trusted = [0, process.getuid?.() ?? 0, proxyUid];
    return users.flatMap(({ workload, uid }) =>
      workload.ports.flatMap(({ number, protocol }) => {
        const owners = new Set((byPort.get(number) ?? []).map(listener => listener.uid));
        const known = [...trusted, ...users.filter(other => serves(other.workload, number)).map(other => other.uid)];
        if (protocol === 'udp' || owners.size === 0 || known.some(one => owners.has(one))) return [];
        const why = `user ${[...owners].join(', ')} listens at its port ${number}, which is for its own user ${uid} or root: calls are refused there; run its server as user ${uid}, or name the right user in its file`;
        return [{ where: `workload ${workload.uid}`, why }];
      }),
    );
  }

  #listeners(): readonly TcpSocket[] {
    const { listeners = readListeners, againMs = AGAIN_MS } = this.#options;
    const now = performance.now();
    if (!this.#seen || now - this.#seen.at > againMs) this.#seen = { at: now, listeners: listeners() };
    return this.#seen.listeners;
  }
}

function serves({ ports }: Member['input']['local']['workload'], number: number): boolean {
  return ports.some(port => port.number === number);
}

/** The sockets of this host that listen. */
export function readListeners(): readonly TcpSocket[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(path => {
    const found = [...socketsIn(headOf(path))];
    const end = found.findIndex(({ listens }) => !listens);
    return end === -1 ? found : found.slice(0, end);
  });
}

/** The file up to where connections begin, of which there may be any number; empty where it is not there: a kernel may have no IPv6. */
function headOf(path: string): string {
  let text = '';
  try {
    const file = openSync(path, 'r');
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
        text += chunk.toString('latin1', 0, read);
        if (socketsIn(text.slice(-2 * CHUNK_BYTES)).some(({ listens }) => !listens)) break;
      }
    } finally {
      closeSync(file);
    }
  } catch {
    return text;
  }
  return text;
}
