import { createSocket, type Socket } from 'node:dgram';
import { codeOf } from '../../manager/model/util/errors.ts';

/** A socket for one family alone: on Linux one of IPv6 would take what comes by IPv4 too. */
export function udpSocket(family: 4 | 6): Socket {
  return family === 6 ? createSocket({ type: 'udp6', ipv6Only: true }) : createSocket('udp4');
}

/** Passes over an error that means that there is no IPv6 here. @throws any other. */
export function unlessNoIpv6(error: unknown): void {
  if (!['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'].includes(codeOf(error) ?? '')) throw error;
}
