import { isIPv6 } from 'node:net';
import { canonicalAddress } from '../../manager/model/util/address.ts';
import type { CapturedUser } from './spec.ts';

/** Elements of the sets with these names. */
export type Holders = Readonly<Record<'holders' | 'holders4' | 'holders6' | 'held4' | 'held6', readonly string[]>>;

/**
 * Which user reaches which port of the host without policy, as whoever calls itself may. A port that several users have is each one's at
 * its own addresses alone; of one who names none, where no other is. The first has what two claim, as with the chains of the listener
 * that such calls are led to.
 */
export function holdersOf(users: readonly CapturedUser[]): Holders {
  const anywhere = new Map<number, number>();
  const places = new Map<string, { readonly uid: number; readonly address: string; readonly port: number }>();
  const times = Map.groupBy(
    users.flatMap(({ ports }) => ports),
    port => port,
  );
  for (const { uid, ports, addresses } of users)
    for (const port of ports) {
      const alone = times.get(port)?.length === 1;
      if (alone || addresses.length === 0) {
        if (!anywhere.has(port)) anywhere.set(port, uid);
        continue;
      }
      for (const address of addresses.flatMap(text => canonicalAddress(text) ?? []))
        if (!places.has(`${address} ${port}`)) places.set(`${address} ${port}`, { uid, address, port });
    }
  const [four, six] = [false, true].map(isSix =>
    [...places.values()].filter(({ address }) => isIPv6(address) === isSix),
  );
  const held = (of: typeof four = []): string[] => of.map(({ address, port }) => `${address} . ${port}`).sort();
  const own = (of: typeof four = []): string[] =>
    of.map(({ uid, address, port }) => `${uid} . ${address} . ${port}`).sort();
  return {
    holders: [...anywhere].map(([port, uid]) => `${uid} . ${port}`).sort(),
    holders4: own(four),
    holders6: own(six),
    held4: held(four),
    held6: held(six),
  };
}
