import { isIP } from 'node:net';
import type { Health } from '../../manager/model/instance.ts';
import type { Locality } from '../../manager/model/locality.ts';
import { PROTOCOLS, protocolOfName, type ServicePort } from '../../manager/model/service.ts';
import { isRecord, show } from '../../manager/model/util/fields.ts';
import { endsInNumber, isPortName } from '../names.ts';
import type { Problem, RegistryInstance, RegistryPort, RegistryService } from '../registry.ts';

/** What of the settings matters for the meaning of entries. */
export interface Reading {
  readonly domain: string;
  readonly ignoreSources: readonly string[];
}

/**
 * A service from the answer of `/v1/health/service/<name>`.
 *
 * Tags `key=value` and metadata become labels; a tag without a value is the label `true`. The port that callers use is the
 * instances' own, unless the metadata of one says another: `isthmus-port`, with `isthmus-protocol` and `isthmus-port-name`;
 * `isthmus-network` names an instance's network. Proxies and gateways of Consul's own mesh are no instances.
 * @throws when the answer is no list.
 */
export function readService(name: string, answer: unknown, reading: Reading): RegistryService {
  if (!Array.isArray(answer)) throw new Error(`the health of service "${name}" must be a list, not ${show(answer)}`);
  const problems: Problem[] = [];
  const instances: RegistryInstance[] = [];
  let port: ServicePort | undefined;
  for (const entry of answer as unknown[]) {
    const { Node: node, Service: service, Checks: checks } = record(entry);
    const own = record(service);
    const where = `${text(record(node)['Node'])}/${text(own['ID'])}`;
    if (!isInstance(own, reading)) continue;
    try {
      const instance = readInstance(where, record(node), own, Array.isArray(checks) ? checks : []);
      port ??= readPort(instance);
      instances.push(instance);
    } catch (error) {
      problems.push({ where: `service "${name}", instance ${where}`, why: (error as Error).message });
    }
  }
  return {
    name,
    aliases: [`${name}.service.${reading.domain}`.toLowerCase()],
    ...(port && { ports: [port] }),
    labels: {},
    instances,
    problems,
  };
}

function isInstance(service: Readonly<Record<string, unknown>>, reading: Reading): boolean {
  const source = record(service['Meta'])['external-source'];
  const kind = text(service['Kind']);
  return (kind === '' || kind === 'typical') && !(typeof source === 'string' && reading.ignoreSources.includes(source));
}

function readInstance(
  id: string,
  node: Readonly<Record<string, unknown>>,
  service: Readonly<Record<string, unknown>>,
  checks: readonly unknown[],
): RegistryInstance {
  const address = text(service['Address']) || text(node['Address']);
  if (address === '' || /[\s/]/.test(address) || (isIP(address) === 0 && endsInNumber(address)))
    throw new Error(`has the address ${show(address)}; it must be an IP address or a host name`);
  const ports = readPorts(service);
  const labels = readLabels(service);
  const { health, weight } = readHealth(checks, record(service['Weights']));
  const locality = readLocality(record(service['Locality']), record(node['Locality']), labels);
  const network = labels['isthmus-network'];
  return {
    id,
    address,
    ports,
    weight,
    labels,
    ...(locality && { locality }),
    ...(network !== undefined && { network }),
    health,
  };
}

/** `Ports` is what the newest servers list beside `Port`, the default first. */
function readPorts(service: Readonly<Record<string, unknown>>): RegistryPort[] {
  const list = Array.isArray(service['Ports']) ? (service['Ports'] as unknown[]).map(record) : [];
  const ports = list
    .sort((a, b) => Number(b['Default'] === true) - Number(a['Default'] === true))
    .map(port => ({ name: text(port['Name']), number: port['Port'] }))
    .map(({ name, number }): RegistryPort => ({ ...(name && { name }), number: portNumber(number) }));
  return ports.length > 0 ? ports : [{ number: portNumber(service['Port']) }];
}

function portNumber(value: unknown): number {
  if (Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536) return Number(value);
  throw new Error(`has the port ${show(value)}; register it with one from 1 to 65535`);
}

function readLabels(service: Readonly<Record<string, unknown>>): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const tag of Array.isArray(service['Tags']) ? service['Tags'] : []) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(text(tag)) ?? [];
    if (key !== undefined) labels[key] = value ?? '';
    else if (tag !== '') labels[text(tag)] = 'true';
  }
  for (const [key, value] of Object.entries(record(service['Meta']))) labels[key] = text(value);
  return labels;
}

/** The worst of an instance's checks, those of its node among them, counts; with a warning it has a weight of its own. */
function readHealth(
  checks: readonly unknown[],
  weights: Readonly<Record<string, unknown>>,
): { health: Health; weight: number } {
  const statuses = new Set(checks.map(check => record(check)['Status']));
  const weight = (value: unknown): number => (typeof value === 'number' && value >= 0 ? value : 1);
  if (['critical', 'maintenance'].some(status => statuses.has(status)))
    return { health: 'unhealthy', weight: weight(weights['Passing']) };
  return { health: 'healthy', weight: weight(weights[statuses.has('warning') ? 'Warning' : 'Passing']) };
}

/** `Locality` of the service or its node; what consul-k8s synchronises has the zone in its metadata. */
function readLocality(
  service: Readonly<Record<string, unknown>>,
  node: Readonly<Record<string, unknown>>,
  labels: Readonly<Record<string, string>>,
): Locality | undefined {
  const region = text(service['Region'] ?? node['Region']);
  const zone = text(service['Zone'] ?? node['Zone']) || (labels['external-k8s-topology-zone'] ?? '');
  return region === '' && zone === '' ? undefined : { region, zone, subzone: '' };
}

function readPort({ labels, ports }: RegistryInstance): ServicePort | undefined {
  const { 'isthmus-port': number, 'isthmus-protocol': said, 'isthmus-port-name': called } = labels;
  if (number === undefined && said === undefined && called === undefined) return undefined;
  if (called !== undefined && !isPortName(called)) throw new Error(`has isthmus-port-name ${show(called)}; try "http"`);
  const protocol = said === undefined ? (protocolOfName(called ?? '') ?? 'tcp') : PROTOCOLS.find(one => one === said);
  if (!protocol) throw new Error(`has isthmus-protocol ${show(said)}; it must be one of ${PROTOCOLS.join(', ')}`);
  return {
    number: number === undefined ? ports[0]!.number : portNumber(Number(number)),
    name: called ?? protocol,
    protocol,
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
