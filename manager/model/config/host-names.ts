import { hostnameOf } from '../service.ts';

/**
 * The names that a `host` in config may stand for, most likely first: a short name is a service of the object's own
 * namespace; `reviews.shop`, and Kubernetes' forms of it, are the service `reviews` of the namespace `shop`;
 * anything else is a canonical hostname or an alias as it stands.
 */
export function hostCandidates(host: string, namespace: string): readonly string[] {
  const name = host.toLowerCase().replace(/\.$/, '');
  const [service, inNamespace, ...domain] = name.split('.');
  if (!service) return [];
  if (inNamespace === undefined) return [hostnameOf({ name: service, namespace }), name];
  const isCluster = ['', 'svc', 'svc.cluster.local'].includes(domain.join('.'));
  return isCluster ? [name, hostnameOf({ name: service, namespace: inNamespace })] : [name];
}

/**
 * The first candidate that something is known by.
 * @param lookup by canonical hostname or alias.
 */
export function resolveHost<T>(
  host: string,
  namespace: string,
  lookup: (name: string) => T | undefined,
): T | undefined {
  for (const candidate of hostCandidates(host, namespace)) {
    const found = lookup(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}
