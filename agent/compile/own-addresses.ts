import type { ServiceView } from '../../manager/model/host-view.ts';
import { shortest } from '../../manager/model/util/address.ts';
import type { HostInput, Problem } from './input.ts';
import type { Memo } from './memo.ts';

/** What has fewer addresses than the Manager says. */
interface Taken {
  /** As they are left, by hostname. */
  readonly views: ReadonlyMap<string, ServiceView>;
  readonly problems: readonly Problem[];
}

/**
 * The services by name, each with those virtual IPs only that are its alone: of two that have one address, the first by name keeps it.
 * Envoy would refuse the whole route table of a port in which two services answer to one address, and so hold up all others.
 *
 * @param memo keeps what comes out the same objects, as long as what goes in is.
 */
export function withOwnAddresses(
  services: HostInput['services'],
  memo: Memo,
  problems: Problem[],
): HostInput['services'] {
  const hostnames = memo.get('hostnames', [...services.keys()], () => [...services.keys()].sort());
  const views = hostnames.map(hostname => services.get(hostname)!.view);
  const taken = memo.nest<Taken>('taken', views, parts => takenOf(views, parts));
  problems.push(...taken.problems);
  return new Map(
    hostnames.map(hostname => {
      const input = services.get(hostname)!;
      const view = taken.views.get(hostname);
      return [hostname, view === undefined ? input : { ...input, view }];
    }),
  );
}

/** @param all sorted by name. */
function takenOf(all: readonly ServiceView[], memo: Memo): Taken {
  const holders = new Map<string, string>();
  const views = new Map<string, ServiceView>();
  const problems: Problem[] = [];
  for (const view of all) {
    const { hostname, virtualIps } = view.service;
    const short = memo.get(`short ${hostname}`, [virtualIps], () => virtualIps.map(shortest));
    const [own, lost]: [number[], number[]] = [[], []];
    for (const [index, address] of short.entries()) (holders.has(address) ? lost : own).push(index);
    for (const index of lost) {
      const message = `its address ${virtualIps[index]} is that of service ${holders.get(short[index]!)} too, which alone is called there: the Manager gives each name its own, so what this host knows is old; have it reach its Manager`;
      problems.push({ origin: `service ${hostname}`, message });
    }
    for (const index of own) holders.set(short[index]!, hostname);
    if (lost.length === 0) continue;
    const left = own.map(index => virtualIps[index]!);
    views.set(
      hostname,
      memo.get(`own ${hostname}`, [view, left.join()], () => ({
        ...view,
        service: { ...view.service, virtualIps: left },
      })),
    );
  }
  return { views, problems };
}
