/** A port of a workload that a service leads to. */
export interface LedTo {
  /** Uid. */
  readonly workload: string;
  readonly port: number;
}

/**
 * The ports of workloads to which services have HTTP spoken. Where one service has it and another one not, callers of both come: it counts,
 * as a TCP caller whom policy refuses is cut off either way, and an HTTP caller that is cut off takes the instance for dead.
 */
export class HttpPorts {
  readonly #led = new Map<string, readonly LedTo[]>();
  /** By workload and port, how often services lead there. */
  readonly #counts = new Map<string, Map<number, number>>();

  /**
   * Sets where a service has HTTP spoken.
   * @param ports none: it is gone, or speaks something else.
   * @returns uids of the workloads of which {@link of} says something else now.
   */
  set(hostname: string, ports: readonly LedTo[]): ReadonlySet<string> {
    const before = this.#led.get(hostname) ?? [];
    const touched = new Set([...before, ...ports].map(({ workload }) => workload));
    const said = new Map([...touched].map(workload => [workload, this.of(workload).join()]));
    for (const each of before) this.#count(each, -1);
    for (const each of ports) this.#count(each, 1);
    if (ports.length > 0) this.#led.set(hostname, ports);
    else this.#led.delete(hostname);
    return new Set([...touched].filter(workload => this.of(workload).join() !== said.get(workload)));
  }

  /** Ascending. */
  of(workload: string): readonly number[] {
    return [...(this.#counts.get(workload)?.keys() ?? [])].sort((a, b) => a - b);
  }

  #count({ workload, port }: LedTo, by: 1 | -1): void {
    const counts = this.#counts.get(workload) ?? new Map<number, number>();
    const count = (counts.get(port) ?? 0) + by;
    if (count > 0) counts.set(port, count);
    else counts.delete(port);
    if (counts.size > 0) this.#counts.set(workload, counts);
    else this.#counts.delete(workload);
  }
}
