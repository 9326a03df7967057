import { isIP } from 'node:net';
import type { Health } from '../../manager/model/instance.ts';
import { describeFieldError } from '../../manager/model/util/errors.ts';
import { Fields, isRecord, show } from '../../manager/model/util/fields.ts';
import { addressHint, endsInNumber } from '../names.ts';
import type { RegistryInstance, RegistryPort } from '../registry.ts';

/** A member of a ServerSet: an instance without its weight, which vectors give. */
export interface Member {
  readonly instance: RegistryInstance;
  readonly shard?: number;
  /** Endpoints that cannot be used beside the others. */
  readonly problems: readonly string[];
}

/** Readers of ServerSets use members that are ALIVE and no others; one that is STOPPING may end what it has begun. */
const HEALTH: ReadonlyMap<string, Health> = new Map([
  ['ALIVE', 'healthy'],
  ['STOPPING', 'draining'],
]);

/**
 * Reads the data of a `member_…` znode, in the JSON that com.twitter.finagle.serverset2.Entry and Aurora write.
 * @throws {Error} that says what is wrong with it.
 */
export function readMember(id: string, data: Buffer): Member {
  const value: unknown = parse(data);
  const fields = new Fields(value, '');
  const main = readEndpoint(fields.map('serviceEndpoint') ?? missing(fields, 'serviceEndpoint'));
  const status = fields.string('status') ?? 'ALIVE';
  const shard = fields.number('shard', -1_000_000_000, 1_000_000_000);
  const others = Object.entries(record(fields, 'additionalEndpoints'));
  const metadata = record(fields, 'metadata');
  if (fields.errors.length > 0 || !main) throw new Error(fields.errors.map(describeFieldError).join('; '));
  const { ports, problems } = readPorts(main, others);
  const labels: Record<string, string> = shard === undefined ? {} : { shard: String(shard) };
  for (const [key, text] of Object.entries(metadata)) labels[key] = typeof text === 'string' ? text : show(text);
  return {
    instance: { id, address: main.host, ports, weight: 1, labels, health: HEALTH.get(status) ?? 'unhealthy' },
    ...(shard !== undefined && { shard }),
    problems,
  };
}

function parse(data: Buffer): unknown {
  const text = data.toString('utf8');
  if (text === '') throw new Error('is empty; a member is JSON with a serviceEndpoint');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error('is not JSON', { cause: error });
  }
}

function record(fields: Fields, name: string): Record<string, unknown> {
  const value = fields.raw(name);
  if (value === undefined || isRecord(value)) return value ?? {};
  fields.fail(name, `must be a map, not ${show(value)}`);
  return {};
}

function missing(fields: Fields, name: string): undefined {
  // Absent, or not a map: the latter has been noted.
  if (!fields.has(name)) fields.fail(name, 'is missing', 'try {"host": "10.0.0.3", "port": 80}');
  return undefined;
}

/** As loosely as writers of server sets take them. */
const HOST = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?$/;

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

function readEndpoint(fields: Fields | undefined): Endpoint | undefined {
  if (!fields) return undefined;
  const host = fields.required('host');
  if (host !== undefined && isIP(host) === 0 && (!HOST.test(host) || endsInNumber(host)))
    fields.fail('host', `must be an IP address or a host name, not ${show(host)}`, addressHint(host));
  const port = fields.has('port') ? fields.port('port') : fields.fail('port', 'is missing');
  return host === undefined || port === undefined ? undefined : { host, port };
}

/** The default endpoint has no name of its own; one that is repeated under a name is a single endpoint with that name. */
function readPorts(
  main: Endpoint,
  others: readonly (readonly [string, unknown])[],
): { ports: RegistryPort[]; problems: string[] } {
  const problems: string[] = [];
  const named: RegistryPort[] = [];
  for (const [name, value] of others) {
    const fields = new Fields(value, `additionalEndpoints.${name}`);
    const endpoint = readEndpoint(fields);
    problems.push(...fields.errors.map(describeFieldError));
    if (!endpoint || fields.errors.length > 0) continue;
    if (endpoint.host !== main.host) problems.push(`additionalEndpoints.${name}: is on another host, ${endpoint.host}`);
    else named.push({ name, number: endpoint.port });
  }
  const repeated = named.some(port => port.number === main.port);
  return { ports: repeated ? named : [{ number: main.port }, ...named], problems };
}
