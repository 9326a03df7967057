import type { HostStatus, Rejection } from '../model/proto/messages.ts';

/** Shown for so long after the machines took turns last, milliseconds. */
const SHOW_MS = 60_000;

/** A report: of which agent, and where its machine says that it is. */
interface Seen {
  readonly startedAt: number;
  readonly address: string;
}

interface Double {
  readonly at: number;
  /** Whether it happened before, not long ago. */
  readonly again: boolean;
  readonly addresses: readonly string[];
}

/**
 * Hosts as which two machines speak by turns: a disk was cloned, with the host's certificate on it. Each takes the line from the other, many
 * times a second, and callers are sent to one and the other. An agent begins once and its successor later, so reports that go back
 * to one that began earlier are another machine's; once may be a clock that was set back.
 */
export class Doubles {
  readonly #now: () => number;
  readonly #last = new Map<string, Seen>();
  readonly #found = new Map<string, Double>();

  /** @param now milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Looks at a report. @returns what to warn of, once. */
  look(host: string, address: string, status: Pick<HostStatus, 'startedAt'> | undefined): string | undefined {
    if (!status) return undefined;
    const before = this.#last.get(host);
    const { startedAt } = status;
    this.#last.set(host, { startedAt, address });
    if (!before || startedAt >= before.startedAt) return undefined;
    const recent = this.#recent(host);
    this.#found.set(host, { at: this.#now(), again: recent !== undefined, addresses: [before.address, address] });
    return recent?.again ? undefined : this.found(host)?.reason;
  }

  /** The host of two machines, if they took turns lately. */
  found(host: string): Rejection | undefined {
    const found = this.#recent(host);
    if (!found?.again) return undefined;
    const [one, other] = found.addresses;
    const reason = `two agents speak as host "${host}" by turns, at ${one === other ? one : `${one} and ${other}`}; if a disk was cloned, stop the agent of the copy and join it under a name of its own`;
    return { resource: `host ${host}`, reason, origins: [] };
  }

  #recent(host: string): Double | undefined {
    const found = this.#found.get(host);
    return found && found.at > this.#now() - SHOW_MS ? found : undefined;
  }

  forget(host: string): void {
    this.#last.delete(host);
    this.#found.delete(host);
  }
}
