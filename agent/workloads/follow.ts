import { Backoff } from '../../manager/model/util/backoff.ts';
import { type Clock, systemClock } from '../../manager/model/util/clock.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import type { Logger } from '../../manager/model/util/log.ts';
import type { LocalWorkload, Platform, PlatformProblem } from '../../platforms/platform.ts';

export interface WorkloadsOptions {
  readonly platforms: readonly Platform[];
  /** Called with all workloads of the host, first once every platform has said what it knows (or failed). */
  readonly onChange: (workloads: readonly LocalWorkload[], problems: readonly PlatformProblem[]) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

interface Known {
  heard: boolean;
  workloads: readonly LocalWorkload[];
  problems: readonly PlatformProblem[];
}

/**
 * Follows all platforms of the host until the signal aborts. A platform that fails is tried again with backoff, and keeps
 * what it last said meanwhile: a Docker daemon that restarts does not take its containers out of the mesh.
 */
export async function followWorkloads(options: WorkloadsOptions): Promise<void> {
  const known: Known[] = options.platforms.map(() => ({ heard: false, workloads: [], problems: [] }));
  const publish = (): void => {
    if (!known.every(one => one.heard)) return;
    const merged = mergeWorkloads(known);
    options.onChange(merged.workloads, merged.problems);
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
  while (!signal.aborted) {
    try {
      for await (const state of platform.watch(signal)) {
        backoff.reset();
        Object.assign(known, { heard: true, workloads: state.workloads, problems: state.problems });
        publish();
      }
      throw new Error('the platform ended its watch without a reason');
    } catch (error) {
      if (signal.aborted) return;
      const waitMs = Math.round(backoff.next());
      logger.warn('platform failed; its workloads stay as last seen', {
        platform: platform.kind,
        reason: messageOf(error),
        retryInMs: waitMs,
      });
      known.heard = true;
      known.problems = [{ where: `platform ${platform.kind}`, why: messageOf(error) }];
      publish();
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }
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
