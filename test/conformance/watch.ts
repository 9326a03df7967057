import { type Followed, type FollowStatus, follow } from '../../registries/follow.ts';
import { readRegistries } from '../../registries/settings.ts';
import type { Fixture, Listed } from './fixture.ts';

/** A registry that a test follows. */
export interface Watched extends AsyncDisposable {
  readonly followed: Followed;
  /** What was warned of, a line each. */
  readonly warnings: readonly string[];
  /** Addresses and ports of a service's instances, sorted; undefined when there is no such service. */
  of(service: string): string[] | undefined;
  /** Waits for a change after which this holds. @throws after the deadline, with the status. */
  until(what: string, holds: (status: FollowStatus) => boolean, timeoutMs?: number): Promise<void>;
  /** Ends the following. @returns how long that took, milliseconds. */
  stop(): Promise<number>;
}

/** Follows a fixture's registry with short waits between tries. */
export function watch(fixture: Pick<Fixture, 'entry'>): Watched {
  const [configured] = readRegistries([fixture.entry], 'registries');
  const controller = new AbortController();
  const warnings: string[] = [];
  const warn = (message: string, fields?: Readonly<Record<string, unknown>>): void =>
    void warnings.push(`${message} ${JSON.stringify(fields)}`);
  const logger = { error: warn, warn, info() {}, debug() {}, child: () => logger };
  const backoff = { initialMs: 20, maximumMs: 200 };
  const followed = follow(configured!, { signal: controller.signal, logger, backoff, syncTimeoutMs: 5000 });
  const stop = async (): Promise<number> => {
    const began = performance.now();
    controller.abort();
    await followed.ended;
    return performance.now() - began;
  };
  return {
    followed,
    warnings,
    of(service) {
      const found = [...followed.state().values()].find(one => one.name === service);
      return found?.instances.map(({ address, ports }) => `${address}:${ports[0]!.number}`).sort();
    },
    async until(what, holds, timeoutMs = 20_000) {
      const deadline = AbortSignal.timeout(timeoutMs);
      for await (const _ of followed.batches(deadline)) if (holds(followed.status())) return;
      throw new Error(
        `Waited ${timeoutMs} ms for: ${what}. ${JSON.stringify(followed.status())}\n${warnings.join('\n')}`,
      );
    },
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

/** So many instances, each with an address of its own. */
export function instances(count: number, first = 0): Listed[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const address = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
    return { id: `i${number}`, address, port: 8000 };
  });
}

/** As `Watched.of` says it. */
export function addressesOf(listed: readonly Listed[]): string[] {
  return listed.map(({ address, port }) => `${address}:${port}`).sort();
}
