import { isIP } from 'node:net';
import type { Instance } from '../../manager/model/instance.ts';

/** The host names among the addresses at which instances are dialled. */
export function hostNamesOf(instances: readonly Instance[]): readonly string[] {
  return [...new Set(instances.filter(isNamed).map(({ address }) => address))];
}

/**
 * Instances with addresses in place of host names: one for each address, which share the weight. One whose name has no address stays as
 * it is.
 */
export function placed(
  instances: readonly Instance[],
  addressesOf: (name: string) => readonly string[] | undefined,
): readonly Instance[] {
  return instances.flatMap(instance => {
    const addresses = (isNamed(instance) ? addressesOf(instance.address) : undefined) ?? [];
    const weight = instance.weight / addresses.length;
    if (addresses.length === 0) return [instance];
    return addresses.map(address => ({
      ...instance,
      id: addresses.length === 1 ? instance.id : `${instance.id} ${address}`,
      address,
      weight,
    }));
  });
}

function isNamed({ reach, address }: Instance): boolean {
  return reach.kind === 'direct' && isIP(address) === 0;
}
