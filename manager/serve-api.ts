import { createPrivateKey, createPublicKey } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Authority } from '../auth/ca/authority.ts';
import { makeKey } from '../auth/ca/root.ts';
import { adminToken } from './api/access.ts';
import { createRoutes, type RoutesOptions } from './api/routes.ts';
import { type ApiServer, type ApiServerOptions, type ServerCertificate, startApiServer } from './api/server.ts';
import { keepFresh } from './fresh.ts';
import type { Refusals } from './hosts/refusals.ts';
import type { Logger } from './model/util/log.ts';

export interface ServeApiOptions {
  /** Where it is served over TLS. */
  readonly api: { readonly address: string; readonly port: number };
  readonly stateDir: string;
  readonly runDir: string;
}

export interface ServeApiParts extends Omit<RoutesOptions, 'maximumWatches'> {
  readonly authority: Authority;
  readonly refusals: Refusals;
}

const MAXIMUM_WATCHES = 1_000;

/** The socket that root of this host asks the Manager at. */
export function socketOf({ runDir }: Pick<ServeApiOptions, 'runDir'>): string {
  return join(runDir, 'manager.sock');
}

/**
 * Serves the REST API on its socket and over TLS, with a certificate that is renewed until the signal aborts; where the CA has ended, on
 * the socket alone. @throws when it cannot listen.
 */
export async function serveApi(
  options: ServeApiOptions,
  parts: ServeApiParts,
  logger: Logger,
  signal: AbortSignal,
): Promise<ApiServer & AsyncDisposable> {
  const { authority, refusals, clock } = parts;
  const { address, port } = options.api;
  const first = authority.ends > clock.now() ? certificateOf(authority, address) : undefined;
  const token = adminToken(join(options.stateDir, 'admin-token'));
  const https: ApiServerOptions['https'] = first && { host: address, port, certificate: first, token };
  const server = await startApiServer({
    routes: createRoutes({ ...parts, maximumWatches: MAXIMUM_WATCHES }),
    log: logger,
    onUnauthorized(from, why) {
      const { log, passedOver } = refusals.count('admin-token', from, why);
      if (log) logger.warn('a caller of the API was refused', { from, why, passedOver });
    },
    socketPath: socketOf(options),
    ...(https && { https }),
  });
  const renew = (): number => {
    const next = certificateOf(authority, address);
    server.renew(next);
    return next.notAfter;
  };
  if (first)
    void keepFresh({ what: 'the certificate of the API', notAfter: first.notAfter, renew }, { clock, logger }, signal);
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
}

/** What callers may know the API by, when it listens on an address. */
function namesOf(address: string): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap(
    list => list?.map(each => each.address.replace(/%.*/, '')) ?? [],
  );
  const listens = address === '::' || address === '0.0.0.0' ? all : [address];
  // A host's name that is none in DNS (underscores) would spoil the certificate.
  const own = /^[A-Za-z0-9.-]{1,253}$/.test(hostname()) ? [hostname()] : [];
  return [...new Set(['localhost', ...own, '127.0.0.1', '::1', ...listens])];
}

function certificateOf(authority: Authority, address: string): ServerCertificate & { readonly notAfter: number } {
  const key = makeKey();
  const { chain, notAfter } = authority.issueApi(createPublicKey(createPrivateKey(key)), namesOf(address));
  return { key, cert: chain, notAfter: notAfter.getTime() };
}
