import { shortest } from '../../manager/model/util/address.ts';
import type { HostInput, Problem, ServiceInput } from './input.ts';
import type { Memo } from './memo.ts';

/**
 * The services, each with those virtual IPs only that are its alone: of two that have one address, the first by name keeps it. Envoy
 * would refuse the whole route table of a port in which two services answer to one address, and so hold up all others.
 *
 * @param memo keeps what comes out the same objects, as long as what goes in is.
 */
export function withOwnAddresses(
  services: HostInput['services'],
  memo: Memo,
  problems: Problem[],
): HostInput['services'] {
  const holders = new Map<string, string>();
  const own = new Map<string, ServiceInput>();
  for (const [hostname, input] of [...services].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { service } = input.view;
    const taken = service.virtualIps.filter(address => holders.has(shortest(address)));
    for (const address of taken) {
      const message = `its address ${address} is that of service ${holders.get(shortest(address))} too, which alone is called there: the Manager gives each name its own, so what this host knows is old; have it reach its Manager`;
      problems.push({ origin: `service ${hostname}`, message });
    }
    const virtualIps = service.virtualIps.filter(address => !taken.includes(address));
    for (const address of virtualIps) holders.set(shortest(address), hostname);
    own.set(
      hostname,
      taken.length === 0
        ? input
        : memo.get(`own ${hostname}`, [input.view, input.instances, taken.join()], () => ({
            ...input,
            view: { ...input.view, service: { ...service, virtualIps } },
          })),
    );
  }
  return own;
}
