import { isIP } from 'node:net';
import type { Health } from '../../manager/model/instance.ts';
import { isLabel } from '../../manager/model/service.ts';
import { describeFieldError, type FieldError } from '../../manager/model/util/errors.ts';
import { Fields } from '../../manager/model/util/fields.ts';
import { YamlText } from '../../manager/model/util/yaml.ts';
import { keyOf } from '../mapping.ts';
import { addressHint, isHostname, isPortName } from '../names.ts';
import { readServicePorts } from '../ports.ts';
import type { Problem, RegistryInstance, RegistryPort, RegistryService } from '../registry.ts';
import { readLocality } from './locality.ts';

/** What a file says. */
export interface FileContent {
  readonly services: readonly RegistryService[];
  /** Services that it said before and no longer lists, where an entry may be any of them. What another file lists goes before. */
  readonly kept: readonly RegistryService[];
  /** Of entries that were left out; those of instances stand with their service. */
  readonly problems: readonly Problem[];
  /** Services that are listed, and cannot be used as they are written. */
  readonly unreadable: readonly UnreadableService[];
  /** An entry does not tell which service it is, so it may be any; what it was before is not known either. */
  readonly partly: boolean;
}

/** A service of which the name alone can be used. */
export type UnreadableService = Pick<RegistryService, 'name' | 'namespace'> & { readonly problem: Problem };

const HEALTHS: readonly Health[] = ['healthy', 'unhealthy', 'draining'];

/**
 * Reads a file of services. An instance that cannot be used is left out of its service.
 * @param file how messages name the file.
 * @throws {Error} with file and line when the file as a whole cannot be used. An empty file cannot: it may be half written.
 */
export function readDocument(text: string, file: string): FileContent {
  const errors: FieldError[] = [];
  const value = quickValue(text) ?? sourceOf(text, file).value;
  if (value === null) throw new Error(`${file}:1: is empty; to list no services write "services: []"`);
  const fields = new Fields(value, '', errors);
  if (!fields.has('services')) fields.fail('services', 'is missing', 'to list no services write "services: []"');
  const raw = fields.raw('services');
  if (raw !== undefined && !Array.isArray(raw))
    fields.fail('services', 'must be a list', 'put "- " before each service');
  fields.unknown();
  let source: YamlText | undefined;
  const problemOf = (error: FieldError): Problem => {
    source ??= sourceOf(text, file);
    return { where: `${file}:${source.lineOf(error.path)}`, why: describeFieldError(error) };
  };
  if (errors.length > 0) {
    const { where, why } = asOne(errors.map(problemOf));
    throw new Error(`${where}: ${why}`);
  }
  return readServices(raw as unknown[], problemOf);
}

/** @throws {Error} with file and line when it is not YAML. */
function sourceOf(text: string, file: string): YamlText {
  return new YamlText(text, (line, why) => new Error(`${file}:${line}: ${why}`));
}

function readServices(entries: readonly unknown[], problemOf: (error: FieldError) => Problem): FileContent {
  const services = new Map<string, RegistryService>();
  const unreadable: UnreadableService[] = [];
  const problems: Problem[] = [];
  let partly = false;
  for (const [index, entry] of entries.entries()) {
    const errors: FieldError[] = [];
    const fields = new Fields(entry, `services[${index}]`, errors);
    const service = readService(fields, problemOf);
    const { name, namespace } = service;
    const naming = [fields.path, fields.at('name'), fields.at('namespace')];
    const isUnnamed = errors.some(({ path }) => naming.includes(path));
    const isTwice = !isUnnamed && services.has(keyOf(service));
    if (isTwice) errors.push({ path: fields.at('name'), message: `"${name}" is listed twice` });
    if (errors.length === 0) services.set(keyOf(service), service);
    else if (isTwice) problems.push(...errors.map(problemOf));
    else if (isUnnamed) {
      partly = true;
      const { where, why } = asOne(errors.map(problemOf));
      problems.push({ where, why: `${why}; it may be any service, so what this file no longer lists stays` });
    } else
      unreadable.push({ name, ...(namespace !== undefined && { namespace }), problem: asOne(errors.map(problemOf)) });
  }
  return { services: [...services.values()], kept: [], problems, unreadable, partly };
}

/** Several problems of one thing, as one. */
function asOne([first, ...others]: readonly Problem[]): Problem {
  return { where: first!.where, why: [first!.why, ...others.map(({ where, why }) => `${where}: ${why}`)].join('; ') };
}

function readService(fields: Fields, problemOf: (error: FieldError) => Problem): RegistryService {
  const name = readLabel(fields, 'name', true) ?? '';
  const namespace = readLabel(fields, 'namespace', false);
  const aliases = (fields.strings('aliases') ?? []).map(alias => alias.toLowerCase());
  for (const [index, alias] of aliases.entries())
    if (!isHostname(alias)) fields.fail(`aliases[${index}]`, 'must be a host name', 'try "reviews.internal"');
  const ports = readServicePorts(fields.list('ports'));
  const labels = fields.texts('labels');
  const raw = fields.raw('instances') ?? [];
  if (!Array.isArray(raw)) fields.fail('instances', 'must be a list', 'put "- " before each instance');
  fields.unknown();
  const problems: Problem[] = [];
  const instances = new Map<string, RegistryInstance>();
  for (const [index, entry] of (Array.isArray(raw) ? raw : []).entries()) {
    const own = new Fields(entry, `${fields.path}.instances[${index}]`);
    const instance = readInstance(own);
    if (instance && instances.has(instance.id))
      own.fail('id', `"${instance.id}" is listed twice`, 'give each its own id');
    if (instance && own.errors.length === 0) instances.set(instance.id, instance);
    problems.push(...own.errors.map(problemOf));
  }
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    aliases,
    ...(ports.length > 0 && { ports }),
    labels,
    instances: [...instances.values()],
    keep: true,
    problems,
  };
}

function readLabel(fields: Fields, name: string, required: boolean): string | undefined {
  const text = required ? fields.required(name, 'try "reviews"') : fields.string(name);
  if (text === undefined || isLabel(text)) return text;
  return fields.fail(name, `must be lower-case letters, digits and "-", at most 63, not "${text}"`);
}

function readInstance(fields: Fields): RegistryInstance | undefined {
  const address = fields.required('address', 'try "10.0.0.1"');
  if (address !== undefined && isIP(address) === 0 && !isHostname(address))
    fields.fail('address', `must be an IP address or a host name, not "${address}"`, addressHint(address));
  const ports = readPorts(fields);
  const id = fields.string('id');
  const weight = fields.number('weight', 0, 1_000_000) ?? 1;
  const labels = fields.texts('labels');
  const locality = readLocality(fields);
  const network = fields.string('network');
  const health = fields.oneOf('health', HEALTHS) ?? 'healthy';
  fields.unknown();
  if (address === undefined || ports.length === 0) return undefined;
  return {
    id: id ?? `${address}:${ports[0]!.number}`,
    address,
    ports,
    weight,
    labels,
    ...(locality && { locality }),
    ...(network !== undefined && { network }),
    health,
  };
}

/** `port: 9080` or `ports: {http: 9080, admin: 9081}`. */
function readPorts(fields: Fields): RegistryPort[] {
  const port = fields.port('port');
  const named = fields.map('ports');
  const ports: RegistryPort[] = port === undefined ? [] : [{ number: port }];
  for (const name of Object.keys((fields.raw('ports') as object | undefined) ?? {})) {
    if (!isPortName(name)) fields.fail(`ports.${name}`, 'must be named with letters, digits and "-"', 'try "http"');
    const number = named?.port(name);
    if (number !== undefined) ports.push({ name, number });
  }
  if (!fields.has('port') && !fields.has('ports')) fields.fail('port', 'is missing', 'try 9080');
  else if (fields.has('port') && fields.has('ports')) fields.fail('ports', 'cannot stand beside "port"');
  return ports;
}

/** JSON is YAML too, and is read far faster as what it is: what programs write may be large. */
function quickValue(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // YAML in flow style, or broken: the reader of YAML says where.
    return undefined;
  }
}
