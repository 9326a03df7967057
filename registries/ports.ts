import { PROTOCOLS, protocolOfName, type ServicePort } from '../manager/model/service.ts';
import type { Fields } from '../manager/model/util/fields.ts';
import { isPortName } from './names.ts';

/**
 * Reads `ports:` of a service: `{number, name, protocol}` each. The protocol follows from the name where it is not said, else it is
 * `tcp`; the name from the protocol, with the number behind it where that is taken.
 */
export function readServicePorts(fields: readonly Fields[]): ServicePort[] {
  const ports: ServicePort[] = [];
  for (const field of fields) {
    const said = field.string('name');
    const protocol = field.oneOf('protocol', PROTOCOLS) ?? protocolOfName(said ?? '') ?? 'tcp';
    const number = field.has('number') ? field.port('number') : field.fail('number', 'is missing', 'try 8080');
    field.raw('number');
    field.unknown();
    if (number === undefined) continue;
    const name = said ?? (ports.some(port => port.name === protocol) ? `${protocol}-${number}` : protocol);
    if (said !== undefined && !isPortName(said))
      field.fail('name', 'must be letters, digits and "-", at most 63', 'try "http"');
    else if (ports.some(port => port.number === number)) field.fail('number', `${number} is given twice`);
    else if (ports.some(port => port.name === name)) field.fail('name', `"${name}" is given twice`);
    else ports.push({ number, name, protocol });
  }
  return ports;
}
