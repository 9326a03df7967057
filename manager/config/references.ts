import type { DestinationRuleSpec } from '../model/config/destination-rule.ts';
import { hostCandidates, resolveHost } from '../model/config/host-names.ts';
import { byAge, type ConfigObject, describeObject } from '../model/config/object.ts';
import { isPolicy } from '../model/config/security.ts';
import type { HttpMatch, HttpRoute, VirtualServiceSpec } from '../model/config/virtual-service.ts';
import { isHttp, refOf, type ServicePort } from '../model/service.ts';
import { nearest } from '../model/util/fields.ts';
import { checkPolicy, type PolicyWorld } from './policy-references.ts';
import type { ConfigWarning, Warn } from './warning.ts';

/** What must be known of a service to check what refers to it. */
export interface KnownService {
  readonly hostname: string;
  readonly aliases: readonly string[];
  readonly ports: readonly Pick<ServicePort, 'number' | 'protocol'>[];
  /** Those that are called. */
  readonly instances: readonly { readonly labels: Readonly<Record<string, string>> }[];
}

/** What must be known of a mesh to check what refers to it. */
export interface KnownMesh extends PolicyWorld {
  /** The service that a hostname or an alias names. */
  readonly service: (name: string) => KnownService | undefined;
  /** All of them: asked for where one is not known. */
  readonly services: () => Iterable<KnownService>;
}

/**
 * Checks what config objects say of each other, of services and of workloads.
 * @param mesh absent when it cannot be known, as for files alone.
 * @param only of which objects to tell.
 */
export function checkReferences(
  objects: readonly ConfigObject[],
  mesh: KnownMesh | undefined,
  only: (object: ConfigObject) => boolean = () => true,
): readonly ConfigWarning[] {
  const warnings: ConfigWarning[] = [];
  const world = worldOf(objects, mesh);
  for (const object of objects.filter(only)) {
    const { name, namespace } = object.metadata;
    const warn: Warn = (path, message, hint, early) => {
      const more = {
        ...(hint === undefined ? {} : { hint }),
        ...(early === undefined ? {} : { early: true as const }),
      };
      warnings.push({ kind: object.kind, namespace, name, path, message, ...more });
    };
    if (object.kind === 'VirtualService')
      checkVirtualService(object as ConfigObject<'VirtualService', VirtualServiceSpec>, world, warn);
    else if (object.kind === 'DestinationRule') checkRule(object as Rule, world, warn);
    else if (isPolicy(object)) checkPolicy(object, mesh, warn);
  }
  return warnings;
}

type Rule = ConfigObject<'DestinationRule', DestinationRuleSpec>;

interface World {
  /** Undefined when services cannot be known. */
  readonly mesh: KnownMesh | undefined;
  /** By the canonical name of the host, or the likeliest one. */
  readonly rules: ReadonlyMap<string, Rule>;
  readonly routesOf: ReadonlyMap<string, ConfigObject>;
}

function worldOf(objects: readonly ConfigObject[], mesh: KnownMesh | undefined): World {
  const rules = new Map<string, Rule>();
  const routesOf = new Map<string, ConfigObject>();
  const world: World = { mesh, rules, routesOf };
  // Of several for one host the oldest comes first; of rules, those of the service's own namespace come before that.
  for (const object of objects.toSorted(byAge)) {
    const { namespace } = object.metadata;
    if (object.kind === 'DestinationRule') {
      const rule = object as Rule;
      const host = canonical(rule.spec.host, namespace, world);
      const first = rules.get(host);
      const own = refOf(host)?.namespace;
      if (!first || (namespace === own && first.metadata.namespace !== own)) rules.set(host, rule);
    } else if (object.kind === 'VirtualService')
      for (const host of (object.spec as VirtualServiceSpec).hosts) {
        const name = canonical(host, namespace, world);
        if (!routesOf.has(name)) routesOf.set(name, object);
      }
  }
  return world;
}

/** One name for a host however it is written; the likeliest where no service tells. */
function canonical(host: string, namespace: string, { mesh }: World): string {
  const service = mesh && resolveHost(host, namespace, mesh.service);
  return service?.hostname ?? hostCandidates(host, namespace).at(host.includes('.') ? -1 : 0) ?? host;
}

function checkVirtualService(
  object: ConfigObject<'VirtualService', VirtualServiceSpec>,
  world: World,
  warn: Warn,
): void {
  const { namespace } = object.metadata;
  for (const [index, host] of object.spec.hosts.entries()) {
    const service = checkKnown(host, namespace, world, `spec.hosts[${index}]`, warn);
    if (service) checkPorts(service, object, `spec.hosts[${index}]`, warn);
    const first = world.routesOf.get(canonical(host, namespace, world));
    if (first && first !== object)
      warn(
        `spec.hosts[${index}]`,
        `"${host}" has routes in ${describeObject(first)} already, whose matches come first`,
      );
  }
  const all = object.spec.http.findIndex(matchesAll);
  if (all >= 0 && all < object.spec.http.length - 1)
    warn(`spec.http[${all + 1}]`, `is never reached: spec.http[${all}] matches everything`, 'put it before that one');
  for (const [index, route] of object.spec.http.entries())
    checkRoute(route, namespace, world, `spec.http[${index}]`, warn);
}

/** Calls that are not parsed have no routes; of those that are, a match of another port takes none. */
function checkPorts(
  { hostname, ports }: KnownService,
  { spec }: ConfigObject<'VirtualService', VirtualServiceSpec>,
  path: string,
  warn: Warn,
): void {
  const http = ports.filter(({ protocol }) => isHttp(protocol)).map(({ number }) => number);
  const others = ports.map(({ number, protocol }) => `${number} ${protocol}`).join(', ');
  if (http.length === 0 && ports.length > 0)
    warn(
      path,
      `these routes are for HTTP, which no port of ${hostname} speaks`,
      `it has ${others}; state their protocol`,
    );
  if (http.length === 0 || spec.hosts.length > 1) return;
  for (const [index, { match }] of spec.http.entries())
    for (const [which, { port }] of match.entries())
      if (port !== undefined && !http.includes(port))
        warn(
          `spec.http[${index}].match[${which}].port`,
          `${hostname} has no HTTP on port ${port}, so this matches nothing`,
          `it has HTTP on ${http.join(', ')}`,
        );
}

function matchesAll({ match }: HttpRoute): boolean {
  const isOpen = ({ uri, ...others }: HttpMatch): boolean =>
    Object.keys(others).every(name => name === 'name') && (!uri || ('prefix' in uri && uri.prefix === '/'));
  return match.length === 0 || match.some(isOpen);
}

/** Envoy takes query and fragment off the path first. In a regular expression the signs may mean something else. */
function checkPaths({ match }: HttpRoute, at: string, warn: Warn): void {
  for (const [index, { uri = {} }] of match.entries())
    for (const [way, text] of Object.entries<string>(uri)) {
      const end = text.search(/[?#]/);
      if (way !== 'regex' && end >= 0)
        warn(
          `${at}.match[${index}].uri.${way}`,
          `"${text}" matches nothing: only what comes before a "?" or "#" is compared`,
          `write "${text.slice(0, end) || '/'}"`,
        );
    }
}

function checkRoute(route: HttpRoute, namespace: string, world: World, at: string, warn: Warn): void {
  checkPaths(route, at, warn);
  for (const [index, { destination, weight }] of route.route.entries()) {
    const path = `${at}.route[${index}].destination`;
    const { host, port, subset } = destination;
    const service = checkKnown(host, namespace, world, `${path}.host`, warn);
    if (service && port && !service.ports.some(({ number }) => number === port.number))
      warn(
        `${path}.port.number`,
        `${service.hostname} has no port ${port.number}`,
        `it has ${service.ports.map(({ number }) => number).join(', ') || 'none'}`,
      );
    if (subset === undefined) continue;
    const rule = world.rules.get(canonical(host, namespace, world));
    checkSubset(subset, rule, host, `${path}.subset`, warn);
    if (service && rule && weight !== 0) checkCarried(subset, rule, service, `${path}.subset`, warn);
  }
}

function checkSubset(subset: string, rule: Rule | undefined, host: string, path: string, warn: Warn): void {
  const names = rule?.spec.subsets.map(({ name }) => name) ?? [];
  if (names.includes(subset)) return;
  const near = nearest(subset, names);
  if (rule)
    warn(
      path,
      `"${subset}" is not defined in ${describeObject(rule)}`,
      near ? `did you mean "${near}"?` : `it has ${names.join(', ') || 'none'}`,
    );
  else
    warn(
      path,
      `"${subset}" is not defined: no DestinationRule is for "${host}"`,
      'calls to it fail until there is one',
    );
}

/** Envoy answers calls to a subset without instances by itself, and refuses nothing: nobody else would tell. */
function checkCarried(subset: string, rule: Rule, service: KnownService, path: string, warn: Warn): void {
  const labels = Object.entries(rule.spec.subsets.find(({ name }) => name === subset)?.labels ?? {});
  if (labels.length === 0 || service.instances.some(of => labels.every(([key, value]) => of.labels[key] === value)))
    return;
  const wanted = labels.map(([key, value]) => `${key}=${value}`).join(', ');
  warn(
    path,
    `"${subset}" has no instance: none of ${service.hostname} carries ${wanted}`,
    'calls to it fail until one does',
  );
}

function checkKnown(
  host: string,
  namespace: string,
  { mesh }: World,
  path: string,
  warn: Warn,
): KnownService | undefined {
  if (!mesh) return undefined;
  const service = resolveHost(host, namespace, mesh.service);
  if (service) return service;
  const near = nearestService(host, namespace, mesh.services());
  warn(path, `no service "${host}" is known`, near === undefined ? undefined : `did you mean "${near}"?`, 'early');
  return undefined;
}

/** One of the same name in another namespace, or of nearly the same name in this one. */
function nearestService(host: string, namespace: string, services: Iterable<KnownService>): string | undefined {
  const refs = [...services].flatMap(({ hostname }) => refOf(hostname) ?? []);
  const [name = host] = host.split('.');
  const elsewhere = refs.find(ref => ref.name === name);
  if (elsewhere) return `${elsewhere.name}.${elsewhere.namespace}`;
  return nearest(
    name,
    refs.filter(ref => ref.namespace === namespace).map(ref => ref.name),
  );
}

function checkRule(rule: Rule, world: World, warn: Warn): void {
  checkKnown(rule.spec.host, rule.metadata.namespace, world, 'spec.host', warn);
  const first = world.rules.get(canonical(rule.spec.host, rule.metadata.namespace, world));
  if (first && first !== rule)
    warn('spec.host', `"${rule.spec.host}" has ${describeObject(first)} already, which is used`);
}
