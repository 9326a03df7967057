import { LIFETIME } from '../../auth/ca/authority.ts';
import type { HostRemoval, RemovedHost } from '../api/host-removal.ts';
import type { Tokens } from '../api/tokens.ts';
import type { Instance } from '../model/instance.ts';
import type { Logger } from '../model/util/log.ts';
import type { HostState, Hosts } from './hosts.ts';
import type { Members } from './members.ts';

export interface RemovalParts {
  readonly members: Pick<Members, 'remove'>;
  readonly hosts: Pick<Hosts, 'get'>;
  readonly tokens: Pick<Tokens, 'list'>;
  /** All services as they are published once nothing is pending any more. */
  readonly services: () => Iterable<{ readonly hostname: string; readonly instances: readonly Instance[] }>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly logger: Logger;
}

/** Takes hosts out of the mesh, and tells what a person should know about what is left of them. */
export class Removal implements HostRemoval {
  readonly #parts: RemovalParts;

  constructor(parts: RemovalParts) {
    this.#parts = parts;
  }

  async remove(name: string): Promise<RemovedHost | undefined> {
    const { members, hosts, now, logger } = this.#parts;
    const state = hosts.get(name);
    if (!(await members.remove(name))) return undefined;
    const workloads = [...(state?.workloads.keys() ?? [])].sort();
    logger.info('a host was removed', { host: name, workloads });
    return {
      name,
      workloads,
      stillListed: state ? this.#listedAt(state) : [],
      tokens: await this.#tokens(name),
      certificatesEnd: now() + LIFETIME.workload,
    };
  }

  #listedAt({ host, workloads }: HostState): readonly string[] {
    const addresses = new Set([host.address, ...[...workloads.values()].flatMap(workload => workload.addresses)]);
    const there = ({ network, address, reach }: Instance): boolean =>
      reach.kind === 'direct' && network === host.network && addresses.has(address);
    return [...this.#parts.services()]
      .filter(({ instances }) => instances.some(there))
      .map(({ hostname }) => hostname)
      .sort();
  }

  async #tokens(name: string): Promise<readonly string[]> {
    const tokens = await this.#parts.tokens.list();
    const now = this.#parts.now();
    return tokens
      .filter(({ host, usedAt, expiresAt }) => host === name && usedAt === undefined && expiresAt > now)
      .map(({ id }) => id);
  }
}
