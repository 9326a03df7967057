import { type Server, type ServerCredentials, setLogger } from '@grpc/grpc-js';
import { withPort } from '../model/util/address.ts';
import type { Logger } from '../model/util/log.ts';
import { whoListens } from '../model/util/taken-port.ts';

/** How gRPC begins what it writes to stderr besides failing a call that tells more. */
const TOLD = 'No address added';

/**
 * Has a gRPC server listen.
 * @param port 0 for any that is free.
 * @returns the port. @throws when it cannot listen there, with the setting of `manager.yaml` to change.
 */
export async function bind(
  server: Server,
  { address, port }: { readonly address: string; readonly port: number },
  credentials: ServerCredentials,
  logger: Logger,
): Promise<number> {
  const place = withPort(address, port);
  // Else it writes to stderr, as nothing else of ours does.
  setLogger({
    error(...words: unknown[]) {
      const text = words.map(String).join(' ');
      if (!text.includes(TOLD)) logger.warn('gRPC says', { text });
    },
  });
  return await new Promise<number>((resolve, reject) => {
    server.bindAsync(place, credentials, (error, bound) => {
      if (error) reject(new Error(`Cannot listen for agents on ${place}: ${whyNot(error.message, port)}`));
      else resolve(bound);
    });
  });
}

/** gRPC tells of each address that was tried, in Node's words: `… errors: [listen EADDRINUSE: address already in use :::15012]`. */
function whyNot(message: string, port: number): string {
  const own = /errors: \[(.+)\]$/.exec(message)?.[1] ?? message;
  if (own.includes('EADDRINUSE'))
    return `another program listens there (${whoListens(port)}); end it, or set agents.port in manager.yaml`;
  if (own.includes('EADDRNOTAVAIL'))
    return 'this machine has no such address (ip address); set agents.address in manager.yaml';
  if (own.includes('EACCES'))
    return `this user may not listen there (${own}); run it as root, or set agents.port in manager.yaml`;
  return own;
}
