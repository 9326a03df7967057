import type { ReportedWorkload } from '../model/proto/messages.ts';
import { isLabel } from '../model/service.ts';
import { canonicalAddress } from '../model/util/address.ts';
import { allows, allowsNamespace } from './allowed.ts';
import type { Member } from './members.ts';

const SERVICE_ACCOUNT = /^[A-Za-z0-9._-]{1,253}$/;

/** What one workload may have of each: it goes to every host that calls it, and each service takes a virtual IP. */
const MAXIMUM = { addresses: 32, ports: 128, services: 32, labels: 128 } as const;
/** Characters of a label's name and value. */
const LONGEST_LABEL = 1_024;
/** Characters of a port's name. */
const LONGEST_PORT = 63;

/**
 * What all workloads of one host may register: each service takes a virtual IP, of which there are 65,000, and its name and ports go to every
 * host. A host that was taken over may report as many as it likes.
 */
const MAXIMUM_OF_HOST = { services: 2_000, ports: 20_000 } as const;

/** Counts what the workloads of one host register. */
export class Registered {
  #services = 0;
  #ports = 0;

  /** Why a workload may register no more; undefined when it may, and is counted. */
  add({ services, ports }: ReportedWorkload): string | undefined {
    const [allServices, allPorts] = [this.#services + services.length, this.#ports + services.length * ports.length];
    if (allServices > MAXIMUM_OF_HOST.services)
      return `the workloads of a host may register ${MAXIMUM_OF_HOST.services} services`;
    if (allPorts > MAXIMUM_OF_HOST.ports)
      return `the services that workloads of a host register may have ${MAXIMUM_OF_HOST.ports} ports in all`;
    [this.#services, this.#ports] = [allServices, allPorts];
    return undefined;
  }
}

/**
 * Why a host may not have a workload that it reports; undefined when it may.
 * @param otherHost names the other host that an address belongs to.
 */
export function checkWorkload(
  workload: ReportedWorkload,
  member: Member,
  otherHost: (address: string) => string | undefined,
): string | undefined {
  const { uid, name, namespace, serviceAccount } = workload;
  if (uid !== `${member.name}/${namespace}/${name}`)
    return `its uid must be <host>/<namespace>/<name>, here "${member.name}/${namespace}/${name}"`;
  if (!isLabel(name) || !isLabel(namespace))
    return 'its name and its namespace must be lower-case letters, digits and "-", at most 63';
  if (!SERVICE_ACCOUNT.test(serviceAccount)) return `"${serviceAccount}" cannot be a service account`;
  if (!allows(member.identities, { namespace, serviceAccount }))
    return `host "${member.name}" may not be ${namespace}/${serviceAccount}; its join token allowed ${member.identities.join(', ')}`;
  const tooMany = Object.entries(MAXIMUM).find(
    ([part, maximum]) => sizeOf(workload, part as keyof typeof MAXIMUM) > maximum,
  );
  if (tooMany) return `a workload may have ${tooMany[1]} ${tooMany[0]}`;
  const tooLong = Object.entries(workload.labels).find(([key, value]) => key.length + value.length > LONGEST_LABEL);
  if (tooLong) return `its label "${tooLong[0].slice(0, 100)}" is longer than ${LONGEST_LABEL} characters`;
  // Callers' Envoys would refuse all instances of a service for the sake of one such port.
  const bad = workload.ports.find(({ number }) => !isPort(number));
  if (bad) return `port "${bad.name}" has the number ${bad.number}; ports are 1 to 65535`;
  const long = workload.ports.find(port => port.name.length > LONGEST_PORT);
  if (long) return `the name of its port ${long.number} is longer than ${LONGEST_PORT} characters`;
  for (const address of workload.addresses) {
    const canonical = canonicalAddress(address);
    if (canonical === undefined) return `"${address}" is no IP address`;
    const other = otherHost(canonical);
    if (other !== undefined) return `${address} is the address of host "${other}"`;
  }
  return checkServices(workload, member);
}

function sizeOf(workload: ReportedWorkload, part: keyof typeof MAXIMUM): number {
  return part === 'labels' ? Object.keys(workload.labels).length : workload[part].length;
}

/** Whether a number can be a port that is listened on. */
export function isPort(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= 65_535;
}

function checkServices(workload: ReportedWorkload, member: Member): string | undefined {
  for (const service of workload.services) {
    const { name, namespace } = registeredService(service, workload.namespace);
    if (!isLabel(name) || !isLabel(namespace))
      return `"${service}" cannot be a service: write <name> or <name>.<namespace>`;
    if (!allowsNamespace(member.identities, namespace))
      return `host "${member.name}" may not register services in namespace "${namespace}"`;
  }
  return undefined;
}

/** The service that `<name>` or `<name>.<namespace>` means to a workload. */
export function registeredService(
  text: string,
  namespace: string,
): { readonly name: string; readonly namespace: string } {
  const dot = text.indexOf('.');
  return dot < 0 ? { name: text, namespace } : { name: text.slice(0, dot), namespace: text.slice(dot + 1) };
}
