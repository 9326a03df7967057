import type { PlatformProblem } from '../platforms/platform.ts';
import type { Member } from './members.ts';
import { readListeners, type TcpSocket } from './tcp-table.ts';

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
