import { BlockList, isIPv6 } from 'node:net';
import { canonicalAddress } from '../../manager/model/util/address.ts';

const NAME = /^((?:\d{1,3}\.){4})in-addr\.arpa$|^((?:[0-9a-f]\.){32})ip6\.arpa$/;

/** The address that a name of the reverse tree stands for (RFC 1035, 3.5; RFC 3596, 2.5), in its one form; undefined for other names. */
export function addressOfReverse(name: string): string | undefined {
  const [, four, six] = NAME.exec(name) ?? [];
  const labels = (four ?? six)?.split('.').slice(0, -1).reverse();
  if (!labels) return undefined;
  if (four !== undefined) return canonicalAddress(labels.join('.'));
  return canonicalAddress(labels.join('').match(/.{4}/g)!.join(':'));
}

/** Whether an address lies in one of these ranges, in CIDR form. */
export function isWithin(address: string, ranges: readonly string[]): boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [net = '', prefix] = range.split('/');
    list.addSubnet(net, Number(prefix), isIPv6(net) ? 'ipv6' : 'ipv4');
  }
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
