import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** The one way to write an IP address: shortest, in lower case, IPv4 also where it came mapped into IPv6. Undefined: it is none, or has a zone. */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
