/** A service's name and namespace: what is the same here is one service, whatever registries speak of it. */
export interface ServiceRef {
  readonly namespace: string;
  readonly name: string;
}

/** What a port speaks. `http`, `http2` and `grpc` are parsed at the caller; the rest is passed on as bytes. */
export type Protocol = 'http' | 'http2' | 'grpc' | 'tcp' | 'tls' | 'udp';

export const PROTOCOLS: readonly Protocol[] = ['http', 'http2', 'grpc', 'tcp', 'tls', 'udp'];

/**
 * The protocol that a port's name tells, as Istio's users write it: `http`, `grpc-web`, `tcp-admin`; undefined when it tells none.
 * `https` is `tls`: its bytes are passed on unread.
 */
export function protocolOfName(name: string): Protocol | undefined {
  const prefix = name.toLowerCase().split('-', 1)[0]!;
  if (prefix === 'https') return 'tls';
  return PROTOCOLS.find(protocol => protocol === prefix);
}

/** A port that callers of a service use. */
export interface ServicePort {
  /** 1–65535; the port in `http://reviews:9080`. */
  readonly number: number;
  /** Unique within the service, such as `http`. */
  readonly name: string;
  readonly protocol: Protocol;
}

/** A service as the whole mesh sees it: merged from all registries that name it. */
export interface Service extends ServiceRef {
  /** Canonical: `<name>.<namespace>.mesh`. */
  readonly hostname: string;
  /** Further names that answer with the same virtual IPs, such as `reviews.service.consul`. Sorted. */
  readonly aliases: readonly string[];
  readonly ports: readonly ServicePort[];
  /** One IPv4 and one IPv6 address, given by the Manager and never changed. */
  readonly virtualIps: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The registries that speak of this service, in the order of their precedence. */
  readonly sources: readonly string[];
}

/** The domain of canonical names. */
export const MESH_DOMAIN = 'mesh';

/** The canonical hostname `<name>.<namespace>.mesh`. */
export function hostnameOf(ref: ServiceRef): string {
  return `${ref.name}.${ref.namespace}.${MESH_DOMAIN}`;
}

/** The service that a canonical hostname names; undefined when it is not of the form `<name>.<namespace>.mesh`. */
export function refOf(hostname: string): ServiceRef | undefined {
  const [name, namespace, domain, ...more] = hostname.split('.');
  if (!name || !namespace || domain !== MESH_DOMAIN || more.length > 0) return undefined;
  return { namespace, name };
}

/** Whether Envoy parses this protocol at the caller. */
export function isHttp(protocol: Protocol): boolean {
  return protocol === 'http' || protocol === 'http2' || protocol === 'grpc';
}

/** Whether a text is a DNS label: lower-case letters, digits and "-", at most 63, as the name and namespace of a service or workload must be (RFC 1123). */
export function isLabel(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
