import { isLabel, type ServicePort } from '../manager/model/service.ts';
import type { Fields } from '../manager/model/util/fields.ts';
import { readServicePorts } from './ports.ts';
import type { Problem, RegistryService } from './registry.ts';

/** What a registry's settings say of one of its services. */
interface ServiceMapping {
  readonly name?: string;
  readonly namespace?: string;
  readonly ports?: readonly ServicePort[];
}

/** How a registry's names become those of the mesh. */
export interface Mapping {
  /** Namespace of what the registry lists without one. */
  readonly namespace: string;
  /** By the name in the registry. */
  readonly services: ReadonlyMap<string, ServiceMapping>;
}

/** Names as they stand, all in the namespace `default`. */
export const PLAIN_MAPPING: Mapping = { namespace: 'default', services: new Map() };

/** A service of one registry under its name and namespace in the mesh. */
export interface FollowedService extends RegistryService {
  readonly namespace: string;
}

/** Reads `namespace:` and `services:` of a registry's entry; what is wrong is noted in the fields. */
export function readMapping(fields: Fields): Mapping {
  const namespace = readLabel(fields, 'namespace') ?? PLAIN_MAPPING.namespace;
  const services = new Map<string, ServiceMapping>();
  const map = fields.map('services');
  for (const key of Object.keys((fields.raw('services') as object | undefined) ?? {})) {
    const service = map?.map(key);
    if (!service) continue;
    const name = readLabel(service, 'name');
    const space = readLabel(service, 'namespace');
    const ports = readServicePorts(service.list('ports'));
    service.unknown();
    services.set(key, {
      ...(name && { name }),
      ...(space && { namespace: space }),
      ...(ports.length > 0 && { ports }),
    });
  }
  return { namespace, services };
}

function readLabel(fields: Fields, name: string): string | undefined {
  const label = fields.string(name);
  if (label === undefined || isLabel(label)) return label;
  return fields.fail(name, `must be lower-case letters, digits and "-", at most 63, not "${label}"`);
}

/**
 * The service under its mesh name, with the ports that the settings state. A name in capitals is put into lower case.
 * @returns a problem when the name cannot be part of a hostname.
 */
export function mapService(service: RegistryService, mapping: Mapping): FollowedService | Problem {
  const said = mapping.services.get(service.name);
  const name = said?.name ?? service.name.toLowerCase();
  const namespace = said?.namespace ?? service.namespace?.toLowerCase() ?? mapping.namespace;
  const bad = [name, namespace].find(label => !isLabel(label));
  if (bad !== undefined)
    return {
      where: service.name,
      why: `"${bad}" cannot be part of a hostname; set services."${service.name}".name to lower-case letters, digits and "-"`,
    };
  return { ...service, name, namespace, ...(said?.ports && { ports: said.ports }) };
}

/** Names a service within its registry, whatever it is called in the mesh. */
export function keyOf(service: Pick<RegistryService, 'name' | 'namespace'>): string {
  return `${service.namespace ?? ''}/${service.name}`;
}
