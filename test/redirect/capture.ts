import type { CapturePlan, CaptureProblem } from '../../agent/redirect/redirect.ts';
import { ASKED_PORTS, type CapturedUser } from '../../agent/redirect/spec.ts';
import { namespaceAt } from '../../agent/redirect/table.ts';
import type { Host, Place } from '../hosts/host.ts';
import type { Running } from '../hosts/process.ts';

export const RANGES: readonly string[] = ['240.240.0.0/16', 'fd69:7374:686d::/48'];
export const PROXY = 1337;

/** Capture that runs inside a host, in a process of its own. */
export interface Capture {
  readonly running: Running;
  apply(plan: CapturePlan): Promise<readonly CaptureProblem[]>;
  uninstall(): Promise<void>;
  /** Keeps it alive, as an agent does. */
  run(): Promise<void>;
  problems(): Promise<readonly CaptureProblem[]>;
}

/** A plan for users of the host, and perhaps containers. */
export function planOf(
  users: readonly CapturedUser[],
  containers: readonly { place: Place; ports: readonly number[] }[] = [],
  dnsServers: readonly string[] = [],
): CapturePlan {
  return {
    host: { virtualRanges: RANGES, users, proxyUid: PROXY, agentUid: 0, dnsServers, askedPorts: ASKED_PORTS },
    namespaces: containers.map(({ place, ports }) => {
      const id = namespaceAt(place.namespacePath) ?? 'gone';
      return { path: place.namespacePath, id, virtualRanges: RANGES, ports, proxyUid: PROXY };
    }),
  };
}

/** Runs a program with a folder, its first argument, that takes no writes. */
const READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';

/**
 * @param uid user that it runs as, root unless told otherwise.
 * @param readOnly whether its state lies on a disk that takes no writes.
 */
export async function startCapture(host: Host, uid = 0, readOnly = false): Promise<Capture> {
  const program = new URL('runner.ts', import.meta.url).pathname;
  const before = readOnly ? ['unshare', '--mount', 'sh', '-c', READ_ONLY, host.stateDir] : [];
  const argv = [...before, process.execPath, program, host.stateDir];
  const running = host.spawn(argv, { keepStdin: true, uid, readAll: true });
  await running.line(/^ready$/);
  let asked = 0;
  const ask = async (command: object): Promise<unknown> => {
    asked += 1;
    const id = asked;
    running.child.stdin!.write(`${JSON.stringify({ id, ...command })}\n`);
    const line = await running.line(text => text.startsWith(`{"id":${id},`));
    const answer = JSON.parse(line) as { done?: unknown; failed?: string };
    if (answer.failed !== undefined) throw new Error(answer.failed);
    return answer.done;
  };
  return {
    running,
    apply: async plan => (await ask({ apply: plan })) as readonly CaptureProblem[],
    uninstall: async () => void (await ask({ uninstall: true })),
    run: async () => void (await ask({ run: true })),
    problems: async () => (await ask({ problems: true })) as readonly CaptureProblem[],
  };
}
