import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** The one way to write an IP address: shortest, in lower case, IPv4 also where it came mapped into IPv6. Undefined: it is none, or has a zone. */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const address = shortest(text);
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** The one shortest form that an IPv6 address has; anything else as it is. */
export function shortest(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

/** Names a place: an address, however it is written, is unique within its network. */
export function placeOf(network: string, address: string): string {
  return `${network}|${canonicalAddress(address) ?? address}`;
}

/** An address, or the name of a host, with a port as URLs have it: `10.0.0.1:80`, `[fd00::1]:80`. */
export function withPort(address: string, port: number | string): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
