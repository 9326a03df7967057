import type { ServiceReport } from '../api/inspect.ts';
import { resolveHost } from '../model/config/host-names.ts';
import type { Instance } from '../model/instance.ts';
import type { Locality } from '../model/locality.ts';
import { withPort } from '../model/util/address.ts';
import { nearest } from '../model/util/fields.ts';
import { asker, askFor } from './ask.ts';
import { type Command, CommandError, EXIT } from './command.ts';
import { namespaceOf } from './objects.ts';
import { CONNECTION_OPTIONS, NAMESPACE_OPTION, OUTPUT_OPTION } from './options.ts';
import { namesText, print, type Table } from './output.ts';

/** Shows services, and where each of their instances comes from. */
export const servicesCommand: Command = {
  name: 'services',
  summary: 'Show services, and which registry and host each instance comes from',
  usage: 'isthmus services [<name>] [-n <namespace>] [-o table|json|yaml]',
  examples: [
    { command: 'isthmus services', says: 'all services, with the registries that list them' },
    { command: 'isthmus services reviews', says: 'the instances of one: registry, host, health, locality' },
    { command: 'isthmus services -o json', says: 'everything, for a script' },
  ],
  options: { ...NAMESPACE_OPTION, ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  positionals: { minimum: 0, maximum: 1 },
  async run({ values, positionals: [name] }, context) {
    const namespace = namespaceOf(servicesCommand, values);
    const { items } = await askFor<{ readonly items: readonly ServiceReport[] }>(asker(values, context), {
      path: '/isthmus/v1/services',
    });
    const services = items.filter(service => namespace === undefined || service.namespace === namespace);
    if (name === undefined) print(context, values, services, () => servicesTable(services, namespace));
    else {
      const service = find(services, name, namespace);
      print(context, values, service, () => instancesTable(service));
    }
    return EXIT.ok;
  },
};

function find(services: readonly ServiceReport[], name: string, namespace = 'default'): ServiceReport {
  const byName = new Map(
    services.flatMap(service => [service.hostname, ...service.aliases].map(alias => [alias, service] as const)),
  );
  const alone = services.filter(service => service.name === name);
  const found = resolveHost(name, namespace, host => byName.get(host)) ?? (alone.length === 1 ? alone[0] : undefined);
  if (found) return found;
  const near = nearest(
    name,
    services.map(service => service.name),
  );
  throw new CommandError(`There is no service "${name}"`, {
    next: `isthmus services${near === undefined ? '' : ` ${near}`}`,
  });
}

function servicesTable(services: readonly ServiceReport[], namespace: string | undefined): Table {
  return {
    head: ['SERVICE', 'NAMESPACE', 'PORTS', 'HEALTHY', 'REGISTRIES', 'HOSTS', 'ADDRESS'],
    rows: services.map(service => [
      service.name,
      service.namespace,
      service.ports.map(({ number, protocol }) => `${number}/${protocol}`).join(' '),
      `${service.instances.filter(({ health }) => health === 'healthy').length}/${allOf(service).length}`,
      tally(allOf(service).map(({ source }) => source)) || service.sources.join(' '),
      tally(allOf(service).map(({ host }) => host)),
      service.virtualIps[0] ?? '',
    ]),
    empty:
      namespace === undefined
        ? 'No registry lists a service. Try: isthmus status'
        : `No registry lists a service in the namespace "${namespace}". Try: isthmus services`,
  };
}

/** `consul 2, zookeeper 1`. */
function tally(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return namesText([...counts].map(([name, times]) => `${name} ${times}`));
}

/** An instance as a table shows it. */
interface Listed extends Omit<Instance, 'reach'> {
  readonly host: string;
  readonly isCalled: boolean;
}

/** Those too that callers are not told of. */
function allOf({ instances, unheard, withheld }: ServiceReport): readonly Listed[] {
  return [
    ...instances.map(instance => ({ ...instance, host: hostOf(instance), isCalled: true })),
    ...unheard.map(instance => ({ ...instance, host: `${hostOf(instance)} (not heard of)`, isCalled: false })),
    ...withheld.map(instance => ({ ...instance, host: `${instance.removedHost} (removed)`, isCalled: false })),
  ];
}

function hostOf({ reach }: Instance): string {
  return reach.kind === 'mesh' ? reach.host : 'no agent';
}

function instancesTable(service: ServiceReport): Table {
  return {
    head: ['INSTANCE', 'REGISTRY', 'ADDRESS', 'HOST', 'HEALTH', 'WEIGHT', 'LOCALITY', 'LABELS'],
    rows: allOf(service).map(instance => [
      instance.id,
      instance.source,
      withPort(instance.address, Object.values(instance.ports).join(',')),
      instance.host,
      instance.isCalled ? instance.health : 'not called',
      String(instance.weight),
      localityText(instance.locality),
      Object.entries(instance.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    ]),
    right: [5],
    empty: `${service.hostname} has no instance`,
  };
}

/** `region/zone/subzone`, as far as it is said. */
function localityText({ region, zone, subzone }: Locality): string {
  return [region, zone, subzone].filter(part => part !== '').join('/');
}
