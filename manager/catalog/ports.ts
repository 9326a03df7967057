import type { Problem, RegistryInstance, RegistryPort } from '../../registries/registry.ts';
import { type Protocol, protocolOfName, type ServicePort } from '../model/service.ts';

/** What is usual behind a port that has no name (IANA's list, and what frameworks listen on when they are not told). */
const USUAL: ReadonlyMap<number, Protocol> = new Map([
  ...[80, 591, 3000, 5000, 8000, 8008, 8080, 8081, 8888, 9080].map(number => [number, 'http'] as const),
  ...[443, 8443].map(number => [number, 'tls'] as const),
  [50_051, 'grpc'],
]);

/** The protocol of a port that nobody states: by its name, else by its number, else bytes. */
function inferProtocol(name: string | undefined, number: number): Protocol {
  return (name === undefined ? undefined : protocolOfName(name)) ?? USUAL.get(number) ?? 'tcp';
}

/** Numbers by how many instances have them. */
type Counts = Map<number, number>;

/**
 * The ports that callers use, from those of the instances: one for each name, at the number that most of them have; without names, the
 * number that most have. Where they differ, callers need one number all the same: that is a problem to be named.
 * @param instances in the order of precedence: the first name of a number wins.
 */
export function inferPorts(instances: readonly RegistryInstance[]): {
  readonly ports: readonly ServicePort[];
  readonly problems: readonly Problem[];
} {
  const named = new Map<string, Counts>();
  const unnamed: Counts = new Map();
  const many: Counts = new Map();
  for (const { ports } of instances)
    for (const { name, number } of ports) {
      if (name !== undefined) count(named, name, number);
      else add(ports.length === 1 ? unnamed : many, number);
    }
  const ports: ServicePort[] = [];
  const problems: Problem[] = [];
  const put = (name: string | undefined, number: number): void => {
    if (ports.some(port => port.number === number)) return;
    const protocol = inferProtocol(name, number);
    const plain = name ?? protocol;
    const taken = ports.some(port => port.name === plain);
    ports.push({ number, name: taken ? `${plain}-${number}` : plain, protocol });
  };
  for (const [name, counts] of named) {
    put(name, mostCommon(counts));
    if (counts.size > 1) problems.push(differing(`port "${name}"`, counts));
  }
  for (const number of many.keys()) put(undefined, number);
  if (ports.length === 0 && unnamed.size > 0) {
    put(undefined, mostCommon(unnamed));
    if (unnamed.size > 1) problems.push(differing('the port', unnamed));
  }
  return { ports, problems };
}

function count(named: Map<string, Counts>, name: string, number: number): void {
  const counts: Counts = named.get(name) ?? new Map();
  named.set(name, counts);
  add(counts, number);
}

function add(counts: Counts, number: number): void {
  counts.set(number, (counts.get(number) ?? 0) + 1);
}

/** Of those that are equally common, the lowest. */
function mostCommon(counts: Counts): number {
  return [...counts].reduce((best, next) =>
    next[1] > best[1] || (next[1] === best[1] && next[0] < best[0]) ? next : best,
  )[0];
}

function differing(what: string, counts: Counts): Problem {
  const numbers = [...counts.keys()].sort((a, b) => a - b);
  const some = numbers.length > 5 ? `${numbers.slice(0, 5).join(', ')}, …` : numbers.join(', ');
  return {
    where: 'ports',
    why: `${what} differs between instances (${some}), so callers use ${mostCommon(counts)}; to choose, state ports: in the registry's settings under services:`,
  };
}

/**
 * An instance's own port for each service port, by the service port's name: the one of that name, else of that number, else, for the
 * service's first port, the only one it has. Empty when none fits.
 */
export function targetPorts(
  servicePorts: readonly ServicePort[],
  own: readonly RegistryPort[],
): Readonly<Record<string, number>> {
  const targets: Record<string, number> = {};
  for (const [index, port] of servicePorts.entries()) {
    const found =
      own.find(candidate => candidate.name === port.name) ??
      own.find(candidate => candidate.number === port.number) ??
      (index === 0 && own.length === 1 ? own[0] : undefined);
    if (found) targets[port.name] = found.number;
  }
  return targets;
}
