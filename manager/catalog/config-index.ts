import type { DestinationRule } from '../model/config/destination-rule.ts';
import { hostCandidates, resolveHost } from '../model/config/host-names.ts';
import { byAge, type ConfigObject } from '../model/config/object.ts';
import type { HttpRoute, VirtualService } from '../model/config/virtual-service.ts';
import { refOf } from '../model/service.ts';

/** Finds the service that an alias names. */
export type FindAlias = (alias: string) => string | undefined;

/** The canonical hostname that a host in a config object means; the likeliest one when there is no such service yet. */
function canonicalHost(host: string, namespace: string, findAlias: FindAlias): string {
  const found = resolveHost(host, namespace, name => (refOf(name) ? name : findAlias(name)));
  return found ?? hostCandidates(host, namespace).at(-1) ?? host;
}

type Traffic = VirtualService | DestinationRule;

function isTraffic(object: ConfigObject): object is Traffic {
  return object.kind === 'VirtualService' || object.kind === 'DestinationRule';
}

/** Every host that an object mentions, as written. */
function hostsIn(object: Traffic): string[] {
  if (object.kind === 'DestinationRule') return [object.spec.host];
  const routes = object.spec.http.flatMap(route => route.route.map(({ destination }) => destination.host));
  return [...object.spec.hosts, ...routes];
}

/** Every name that those may stand for. */
function namesIn(object: Traffic): string[] {
  return hostsIn(object).flatMap(host => hostCandidates(host, object.metadata.namespace));
}

/** Hosts whose services the object shapes, as written. */
function targetsIn(object: Traffic): readonly string[] {
  return object.kind === 'DestinationRule' ? [object.spec.host] : object.spec.hosts;
}

/** The VirtualServices and DestinationRules by the services that they shape. */
export class ConfigIndex {
  readonly #findAlias: FindAlias;
  readonly #objects = new Map<string, Traffic>();
  readonly #targets = new Map<string, ReadonlySet<string>>();
  readonly #byTarget = new Map<string, Set<string>>();
  /** Names with dots that are mentioned, by the objects that do: aliases, now or later. */
  readonly #mentions = new Map<string, Set<string>>();

  constructor(findAlias: FindAlias) {
    this.#findAlias = findAlias;
  }

  /** Sets or takes out an object. @returns hostnames of the services whose view may be another now. */
  set(key: string, object: ConfigObject | undefined): ReadonlySet<string> {
    const before = this.#objects.get(key);
    const affected = new Set(this.#targets.get(key));
    if (before) for (const name of namesIn(before)) drop(this.#mentions, name, key);
    for (const target of affected) drop(this.#byTarget, target, key);
    this.#objects.delete(key);
    this.#targets.delete(key);
    if (!object || !isTraffic(object)) return affected;
    this.#objects.set(key, object);
    for (const name of namesIn(object)) put(this.#mentions, name, key);
    for (const target of this.#aim(key, object)) affected.add(target);
    return affected;
  }

  /** An alias names another service now, or none. @returns hostnames of the services whose view may be another now. */
  aliasMoved(alias: string): ReadonlySet<string> {
    const affected = new Set<string>();
    for (const key of this.#mentions.get(alias) ?? []) {
      for (const target of this.#targets.get(key) ?? []) affected.add(target);
      for (const target of this.#targets.get(key) ?? []) drop(this.#byTarget, target, key);
      for (const target of this.#aim(key, this.#objects.get(key)!)) affected.add(target);
    }
    return affected;
  }

  /** What shapes calls to a service. Hosts of destinations are canonical. */
  of(hostname: string): {
    readonly virtualServices: readonly VirtualService[];
    readonly destinationRule?: DestinationRule;
  } {
    const objects = [...(this.#byTarget.get(hostname) ?? [])].map(key => this.#objects.get(key)!).sort(byAge);
    const virtualServices = objects
      .filter(object => object.kind === 'VirtualService')
      .map(object => this.#canonical(object));
    const rules = objects.filter(object => object.kind === 'DestinationRule');
    // The service's own namespace speaks first, then whoever spoke first.
    const own = refOf(hostname)?.namespace;
    const destinationRule = rules.find(rule => rule.metadata.namespace === own) ?? rules[0];
    return destinationRule ? { virtualServices, destinationRule } : { virtualServices };
  }

  #aim(key: string, object: Traffic): ReadonlySet<string> {
    const { namespace } = object.metadata;
    const targets = new Set(targetsIn(object).map(host => canonicalHost(host, namespace, this.#findAlias)));
    this.#targets.set(key, targets);
    for (const target of targets) put(this.#byTarget, target, key);
    return targets;
  }

  #canonical(object: VirtualService): VirtualService {
    const { namespace } = object.metadata;
    const http = object.spec.http.map(
      (route): HttpRoute => ({
        ...route,
        route: route.route.map(each => ({
          ...each,
          destination: {
            ...each.destination,
            host: canonicalHost(each.destination.host, namespace, this.#findAlias),
          },
        })),
      }),
    );
    return { ...object, spec: { ...object.spec, http } };
  }
}

function put(index: Map<string, Set<string>>, name: string, key: string): void {
  index.set(name, (index.get(name) ?? new Set()).add(key));
}

function drop(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(name);
}
