import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mesh, MeshHost, WorkloadFile } from '../../e2e/mesh.ts';
import { eventually } from '../../eventually.ts';
import { startEcho } from '../../hosts/apps.ts';
import type { Host } from '../../hosts/host.ts';

/** Workloads of the host that is weighed; each calls and is called. */
export const WORKLOADS = 20;

/** Services that the host uses; most speak HTTP, the others TCP. */
export const SERVICES = 200;

const FAR_WORKLOADS = 4;
/** Instances of each service on the other host. */
const FAR_INSTANCES = 2;
const FIRST_PORT = 9080;
const FIRST_UID = 4001;
/** User of the workload with a number. */
export const uidOf = (workload: number): number => FIRST_UID + workload;

const PORTS = [
  { name: 'http', number: 80, protocol: 'http' },
  { name: 'http', number: 8080, protocol: 'http' },
  { name: 'http', number: 9080, protocol: 'http' },
  { name: 'http', number: 80, protocol: 'http' },
  { name: 'tcp', number: 5432, protocol: 'tcp' },
] as const;

const portOf = (service: number): (typeof PORTS)[number] => PORTS[service % PORTS.length]!;

const nameOf = (service: number): string => `service-${service}`;

/** Where a service is called. */
const urlOf = (service: number): string => `http://${nameOf(service)}:${portOf(service).number}/`;

/** Each serves HTTP on one port and TCP on another; the program behind both is the same. */
function workload(number: number): WorkloadFile {
  return {
    name: `w${number}`,
    selector: { user: uidOf(number) },
    ports: [
      { name: 'http', port: FIRST_PORT + number, protocol: 'http' },
      { name: 'tcp', port: FIRST_PORT + 100 + number, protocol: 'tcp' },
    ],
  };
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/** Every service has an instance on the weighed host and two on the other, each another workload. */
function servicesOn(near: Host, far: Host): readonly unknown[] {
  return numbers(SERVICES).map(service => {
    const port = portOf(service);
    const target = (index: number): number => FIRST_PORT + (port.protocol === 'tcp' ? 100 : 0) + index;
    const own = { id: 'near', address: near.address, port: target(service % WORKLOADS) };
    const others = numbers(FAR_INSTANCES).map(index => ({
      id: `far-${index}`,
      address: far.address,
      port: target((service + index) % FAR_WORKLOADS),
    }));
    return { name: nameOf(service), ports: [port], instances: [own, ...others] };
  });
}

async function startServers(host: Host, workloads: number): Promise<void> {
  const ports = [FIRST_PORT, FIRST_PORT + 100].flatMap(first => numbers(workloads).map(index => first + index));
  await startEcho(host, host.name, ports);
}

/** Starts a Manager and both hosts, and has each workload of the first ask for its share of the services by name. @returns the first. */
export async function weighedHost(mesh: Mesh, progress: (line: string) => void): Promise<MeshHost> {
  const [near, far] = [await mesh.network.host('alpha'), await mesh.network.host('beta')];
  await Promise.all([startServers(near, WORKLOADS), startServers(far, FAR_WORKLOADS)]);
  const file = join(mesh.control.configDir, 'services.yaml');
  await writeFile(file, JSON.stringify({ services: servicesOn(near, far) }));
  progress('starting a Manager and two hosts');
  await mesh.startManager({ registries: [{ name: 'services', kind: 'file', path: file }] });
  await mesh.joinHost(far, numbers(FAR_WORKLOADS).map(workload));
  const host = await mesh.joinHost(near, numbers(WORKLOADS).map(workload));
  await eventually(
    'every workload is in the mesh',
    () => host.status(),
    ({ workloads }) => workloads.length === WORKLOADS && workloads.every(({ state }) => state === 'joined'),
  );
  progress(`subscribing to ${SERVICES} services`);
  for (const asker of numbers(WORKLOADS))
    for (const service of shareOf(asker))
      await near.run(['getent', 'ahostsv4', nameOf(service)], { uid: uidOf(asker) });
  const { services } = await host.status();
  if (services.length !== SERVICES) throw new Error(`${services.length} services are subscribed, not ${SERVICES}`);
  return host;
}

/** Has each workload of the host call its share of the services. */
export async function callAll(host: Host): Promise<void> {
  for (const caller of numbers(WORKLOADS)) await callShare(host, caller);
}

/** The services that a workload uses. */
const shareOf = (workload: number): readonly number[] =>
  numbers(SERVICES).filter(service => Math.floor(service / PORTS.length) % WORKLOADS === workload);

async function callShare(host: Host, caller: number): Promise<void> {
  const urls = shareOf(caller).map(urlOf);
  await eventually(
    `workload ${caller} reaches its services`,
    async () => {
      const outputs = urls.flatMap(() => ['-o', '/dev/null']);
      await host.run(['curl', '-sS', '--fail', '--max-time', '10', ...outputs, ...urls], { uid: uidOf(caller) });
      return true;
    },
    Boolean,
  );
}
