import { Backoff } from '../../manager/model/util/backoff.ts';
import { type Clock, systemClock } from '../../manager/model/util/clock.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { Workload } from '../../manager/model/workload.ts';
import type { LocalWorkload, Platform, PlatformProblem, PlatformState } from '../../platforms/platform.ts';
import type { RememberedWorkloads } from './remembered.ts';

export interface WorkloadsOptions {
  readonly platforms: readonly Platform[];
  /** Ports that the mesh itself listens on: no workload has them. */
  readonly ownPorts: readonly number[];
  /** Called with all workloads of the host, first once every platform has said what it knows (or failed). @param waiting see `PlatformState`. */
  readonly onChange: (
    workloads: readonly LocalWorkload[],
    problems: readonly PlatformProblem[],
    waiting: readonly Workload[],
  ) => void;
  /** What each platform said last, also in an earlier life. */
  readonly remembered: Pick<RememberedWorkloads, 'of' | 'remember'>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

interface Known {
  /** By which it is remembered: its kind, and which one of the kind it is. */
  readonly key: string;
  heard: boolean;
  workloads: readonly LocalWorkload[];
  waiting: readonly Workload[];
  problems: readonly PlatformProblem[];
  /** Why nothing is heard of it now. */
  failure?: PlatformProblem | undefined;
}

/** So many new problems are logged at once; the status tells of all. */
const LOGGED_PROBLEMS = 20;

/**
 * Follows all platforms of the host until the signal aborts. A platform that fails is tried again with backoff, and keeps
 * what it last said meanwhile, if need be in an earlier life: a Docker daemon that restarts, or a folder that is gone by mistake, does not
 * take workloads out of the mesh, and with them their policies.
 */
export async function followWorkloads(options: WorkloadsOptions): Promise<void> {
  const { remembered } = options;
  const known = options.platforms.map(({ kind }, index, all): Known => {
    const nth = all.slice(0, index).filter(each => each.kind === kind).length;
    const key = `${kind} ${nth}`;
    return { key, heard: false, workloads: remembered.of(key), waiting: [], problems: [] };
  });
  let logged: readonly PlatformProblem[] = [];
  const publish = (): void => {
    if (!known.every(one => one.heard)) return;
    const merged = mergeWorkloads(known);
    const fit = merged.workloads.map(local => withoutPorts(local, options.ownPorts));
    const problems = [...merged.problems, ...fit.flatMap(({ problem }) => problem ?? [])];
    logNew(problems, logged, options.logger);
    logged = problems;
    options.onChange(
      fit.map(({ local }) => local),
      [...known.flatMap(({ failure }) => failure ?? []), ...problems],
      known.flatMap(({ waiting }) => waiting),
    );
  };
  if (options.platforms.length === 0) publish();
  await Promise.all(options.platforms.map((platform, index) => followOne(platform, known[index]!, publish, options)));
}

async function followOne(
  platform: Platform,
  known: Known,
  publish: () => void,
  options: WorkloadsOptions,
): Promise<void> {
  const { signal, logger, clock = systemClock } = options;
  const backoff = new Backoff({ initialMs: 200, maximumMs: 10_000 });
  let said: string | undefined;
  while (!signal.aborted) {
    try {
      for await (const state of platform.watch(signal, known.workloads)) {
        backoff.reset();
        said = undefined;
        take(known, state);
        options.remembered.remember(known.key, known.workloads);
        publish();
      }
      throw new Error('the platform ended its watch without a reason');
    } catch (error) {
      if (signal.aborted) return;
      const waitMs = Math.round(backoff.next());
      const why = messageOf(error);
      logger[why === said ? 'debug' : 'warn']('platform failed; its workloads stay as last seen', {
        platform: platform.kind,
        reason: why,
        retryInMs: waitMs,
      });
      said = why;
      known.heard = true;
      known.problems = [];
      known.failure = { where: `platform ${platform.kind}`, why };
      publish();
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }
}

function take(known: Known, { workloads, problems, waiting = [], partly = false }: PlatformState): void {
  const named = new Set(workloads.map(({ workload }) => workload.uid));
  const unnamed = partly ? known.workloads.filter(({ workload }) => !named.has(workload.uid)) : [];
  known.heard = true;
  known.workloads = [...workloads, ...unnamed];
  known.waiting = waiting;
  known.problems = problems;
  known.failure = undefined;
}

/** Who follows the log sees at once that a workload file was not taken. */
function logNew(problems: readonly PlatformProblem[], before: readonly PlatformProblem[], logger: Logger): void {
  const known = new Set(before.map(({ where, why }) => `${where}\n${why}`));
  const fresh = problems.filter(({ where, why }) => !known.has(`${where}\n${why}`));
  for (const { where, why } of fresh.slice(0, LOGGED_PROBLEMS))
    logger.warn('problem with the workloads of this host', { where, why });
  if (fresh.length > LOGGED_PROBLEMS)
    logger.warn('more problems with the workloads of this host', { count: fresh.length - LOGGED_PROBLEMS });
}

/** A call to such a port would be led to the proxy again, and so on until it has no descriptors left. */
function withoutPorts(
  local: LocalWorkload,
  own: readonly number[],
): { readonly local: LocalWorkload; readonly problem?: PlatformProblem } {
  const { workload } = local;
  const taken = workload.ports.filter(({ number }) => own.includes(number));
  if (taken.length === 0) return { local };
  const numbers = taken.map(({ number }) => number).join(', ');
  const why = `its port ${numbers} is the mesh's own on each host, and is left out: have the program listen on another`;
  const ports = workload.ports.filter(each => !taken.includes(each));
  return { local: { ...local, workload: { ...workload, ports } }, problem: { where: `workload ${workload.uid}`, why } };
}

function mergeWorkloads(known: readonly Known[]): { workloads: LocalWorkload[]; problems: PlatformProblem[] } {
  const byUid = new Map<string, LocalWorkload>();
  const problems: PlatformProblem[] = [];
  for (const one of known) {
    problems.push(...one.problems);
    for (const local of one.workloads) {
      const twin = byUid.get(local.workload.uid);
      if (!twin) byUid.set(local.workload.uid, local);
      else {
        problems.push({
          where: `workload ${local.workload.uid}`,
          why: `named by platform ${twin.workload.platform} already; that of ${local.workload.platform} is left out: rename one`,
        });
      }
    }
  }
  return { workloads: [...byUid.values()].sort((a, b) => (a.workload.uid < b.workload.uid ? -1 : 1)), problems };
}
