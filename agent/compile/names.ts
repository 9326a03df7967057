import { shortest, withPort } from '../../manager/model/util/address.ts';
import type { LocalWorkload } from '../../platforms/platform.ts';
import type { JsonMap, TypedConfig } from './resource.ts';

/** Filter state with the address and port that a captured connection was meant for: route tables choose the service by it. */
export const ADDRESS_KEY = 'isthmus.address';
/**
 * Filter state that names the caller by its SPIFFE ID, at both ends. The key is one that Envoy gives a meaning: it also chooses the client
 * certificate of a tunnel. A second key for who calls would cost each connection a twentieth of what it takes the proxy.
 */
export const SOURCE_KEY = 'envoy.tls.certificate_mappers.on_demand_secret';
/** Metadata of an endpoint that says how its instance is reached. */
export const METADATA = 'isthmus';
/** Secret that holds the trust bundle. */
export const ROOTS_SECRET = 'roots';

/** Secret with the key and certificate that a workload shows to those it calls; asked for when it first calls. */
export function callerSecret(identity: string): string {
  return identity;
}

/**
 * The same key and certificate under another name, for those who call the workload. Envoy asks a stream only once for a name, and a
 * second user of the name that comes later (a secret on demand beside one that is always there) would wait for ever.
 */
export function calledSecret(identity: string): string {
  return `called|${identity}`;
}
/** A cluster that does not exist: a connection that is sent there is closed before a byte. */
export const NO_CLUSTER = 'unknown';
/** What a refused caller with an identity reads. */
export const REFUSED: string = `%FILTER_STATE(${SOURCE_KEY}:PLAIN)% is refused by the AuthorizationPolicies of this workload`;
/** Everything that is not part of the bootstrap comes over the one aggregated stream. */
export const ADS: JsonMap = { ads: {}, resource_api_version: 'V3' };

/** Instances of a service's port; of a DestinationRule's subset when one is named. */
export function serviceCluster(hostname: string, port: number, subset = ''): string {
  return `out|${hostname}|${port}|${subset}`;
}

/** The cluster of a TCP port, named so that the proxy can compute the name from the address that was dialled. */
export function addressCluster(address: string, port: number): string {
  return `vip|${addressWithPort(address, port)}`;
}

/** Where a workload's port is dialled. */
export function appCluster(workload: string, port: number): string {
  return `app|${workload}|${port}`;
}

/** Where captured calls of a workload arrive. */
export function outboundListenerName(workload: string): string {
  return `out/${workload}`;
}

/** Internal listener that same-host callers of a workload's port come through. */
export function localListener(workload: string, port: number): string {
  return `local/${workload}/${port}`;
}

/**
 * The network namespace of a workload by a path that leads to no other; undefined for a workload without one.
 * @param folder of the links, see `linkNamespaces`.
 */
export function namespaceLink(folder: string, { selector }: Pick<LocalWorkload, 'selector'>): string | undefined {
  return selector.kind === 'namespace' ? `${folder}/${selector.id}` : undefined;
}

/** As Envoy writes an address: `10.0.0.1:80`, `[fd00::1]:80` with the shortest form of the address. */
export function addressWithPort(address: string, port: number): string {
  return withPort(shortest(address), port);
}

/** Config of an extension of Envoy; `type` is what follows `envoy.extensions.`. */
export function typed(type: string, fields: Omit<TypedConfig, '@type'> = {}): TypedConfig {
  return { '@type': `type.googleapis.com/envoy.extensions.${type}`, ...fields };
}
