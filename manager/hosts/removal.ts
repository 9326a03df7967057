import { LIFETIME } from '../../auth/ca/authority.ts';
import type { HostRemoval, RemovedHost } from '../api/host-removal.ts';
import type { ServiceReport } from '../api/inspect.ts';
import type { Tokens } from '../api/tokens.ts';
import type { Withheld } from '../catalog/withheld.ts';
import type { Logger } from '../model/util/log.ts';
import type { Hosts } from './hosts.ts';
import type { Members } from './members.ts';

export interface RemovalParts {
  readonly members: Pick<Members, 'remove'>;
  readonly hosts: Pick<Hosts, 'get'>;
  readonly tokens: Pick<Tokens, 'list'>;
  readonly withheld: Pick<Withheld, 'hold' | 'release' | 'flush'>;
  /** All services as they are published once nothing is pending any more. */
  readonly services: () => Iterable<Pick<ServiceReport, 'hostname' | 'withheld'>>;
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

  async remove(name: string, direct: boolean): Promise<RemovedHost | undefined> {
    const { members, hosts, withheld, now, logger } = this.#parts;
    const state = hosts.get(name);
    // Written first: a Manager that dies in between must not forget what was there. As long as the host is a member, what it holds comes first.
    if (state) withheld.hold(state);
    await withheld.flush();
    const there = await members.remove(name);
    const stillListed = this.#listedOn(name);
    const released = direct && withheld.release(name);
    if (!there && !released) return undefined;
    const workloads = [...(state?.workloads.keys() ?? [])].sort();
    logger.info('a host was removed', { host: name, workloads, stillListed, direct });
    return {
      name,
      already: !there,
      workloads,
      stillListed,
      direct,
      tokens: await this.#tokens(name),
      certificatesEnd: now() + LIFETIME.workload,
    };
  }

  #listedOn(name: string): readonly string[] {
    return [...this.#parts.services()]
      .filter(({ withheld }) => withheld.some(({ removedHost }) => removedHost === name))
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
