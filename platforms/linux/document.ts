import { isIP } from 'node:net';
import { isLabel, PROTOCOLS, protocolOfName } from '../../manager/model/service.ts';
import { describeFieldError, type FieldError } from '../../manager/model/util/errors.ts';
import { Fields } from '../../manager/model/util/fields.ts';
import { YamlText } from '../../manager/model/util/yaml.ts';
import type { Workload, WorkloadPort } from '../../manager/model/workload.ts';
import type { PlatformProblem } from '../platform.ts';

/** How a file tells its workload's traffic apart: a user by name or uid, or the path of a network namespace. */
export type WrittenSelector = { readonly user: string | number } | { readonly namespace: string };

/** What a file says. */
export interface WorkloadDocument {
  readonly workload: Workload;
  readonly selector: WrittenSelector;
}

/** A file that cannot be used: one problem, with every wrong field and its line. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly code = 'WORKLOAD_INVALID';
  readonly problem: PlatformProblem;

  constructor(problem: PlatformProblem) {
    super(`${problem.where}: ${problem.why}`);
    this.problem = problem;
  }
}

/** What `isLabel` asks: names become parts of host names. */
const LABEL_RULE =
  'must be lower-case letters, digits and "-", at most 63, beginning and ending with a letter or digit';

/** uid_t is 32 bits wide, and the highest value means "none". */
const LAST_UID = 2 ** 32 - 2;

/**
 * Reads the workload that a file names.
 * @param file how messages name the file.
 * @param host name of this host, the beginning of the workload's uid.
 * @throws {DocumentError}
 */
export function readWorkload(text: string, file: string, host: string): WorkloadDocument {
  const refused = (line: number, why: string): DocumentError => new DocumentError({ where: `${file}:${line}`, why });
  const source = new YamlText(text, refused);
  if (source.value === null) throw refused(1, 'is empty; a workload has at least "name" and "selector"');
  const errors: FieldError[] = [];
  const read = readFields(new Fields(source.value, '', errors), host);
  if (errors.length === 0) return read;
  const placed = errors.map(error => ({ line: source.lineOf(error.path), text: describeFieldError(error) }));
  placed.sort((a, b) => a.line - b.line);
  const [first, ...more] = placed;
  const why = [first!.text, ...more.map(({ line, text }) => `line ${line}: ${text}`)].join('; ');
  throw refused(first!.line, why);
}

function readFields(fields: Fields, host: string): WorkloadDocument {
  const name = label(fields, 'name', fields.required('name', 'try "web"')) ?? '';
  const namespace = label(fields, 'namespace', fields.string('namespace')) ?? 'default';
  const serviceAccount = label(fields, 'serviceAccount', fields.string('serviceAccount')) ?? name;
  const workload: Workload = {
    uid: `${host}/${namespace}/${name}`,
    name,
    namespace,
    serviceAccount,
    labels: fields.texts('labels'),
    addresses: readAddresses(fields),
    ports: readPorts(fields.list('ports')),
    platform: 'linux',
    services: readServices(fields),
    health: 'healthy',
  };
  const selector = readSelector(fields);
  fields.unknown();
  return { workload, selector };
}

function label(fields: Fields, field: string, text: string | undefined): string | undefined {
  if (text === undefined || isLabel(text)) return text;
  return fields.fail(field, `${LABEL_RULE}, not "${text}"`);
}

function readAddresses(fields: Fields): string[] {
  const addresses = fields.strings('addresses') ?? [];
  for (const [index, address] of addresses.entries())
    if (isIP(address) === 0) fields.fail(`addresses[${index}]`, `must be an IP address, not "${address}"`);
  return addresses;
}

/** `reviews`, or `reviews.default`. */
function readServices(fields: Fields): string[] {
  const services = fields.strings('services') ?? [];
  for (const [index, service] of services.entries()) {
    const parts = service.split('.');
    if (parts.length > 2 || !parts.every(part => isLabel(part)))
      fields.fail(
        `services[${index}]`,
        `must be a service's name or name.namespace, not "${service}"`,
        'try "reviews"',
      );
  }
  return services;
}

/** `{port, name, protocol}` each, or `number` for `port`, as registries have it. */
function readPorts(list: readonly Fields[]): WorkloadPort[] {
  const names = new Set<string>();
  const numbers = new Set<number>();
  return list.map(fields => {
    const field = fields.has('number') && !fields.has('port') ? 'number' : 'port';
    const number = fields.has(field) ? fields.port(field) : fields.fail('port', 'is missing', 'try 9080');
    const said = label(fields, 'name', fields.string('name'));
    const protocol = fields.oneOf('protocol', PROTOCOLS) ?? protocolOfName(said ?? '') ?? 'tcp';
    const name = said ?? `${protocol}-${number ?? 0}`;
    fields.raw('port');
    fields.unknown();
    if (names.has(name)) fields.fail('name', `"${name}" is the name of two ports`);
    if (number !== undefined && numbers.has(number)) fields.fail(field, `${number} is listed twice`);
    names.add(name);
    if (number !== undefined) numbers.add(number);
    return { number: number ?? 0, name, protocol };
  });
}

function readSelector(fields: Fields): WrittenSelector {
  const selector = fields.map('selector');
  if (!selector) {
    fields.fail('selector', 'is missing', 'try "selector: {user: web}"');
    return { user: 0 };
  }
  const user = readUser(selector);
  const namespace = selector.string('networkNamespace');
  selector.unknown();
  if (selector.has('user') === selector.has('networkNamespace'))
    fields.fail('selector', 'must have either "user" or "networkNamespace"');
  if (namespace === undefined) return { user: user ?? 0 };
  if (!/^(\/.+|[^/]+)$/.test(namespace) || namespace === '.' || namespace === '..')
    selector.fail('networkNamespace', `must be a name or an absolute path, not "${namespace}"`, 'try "/run/netns/web"');
  return { namespace: namespace.startsWith('/') ? namespace : `/run/netns/${namespace}` };
}

function readUser(selector: Fields): string | number | undefined {
  const value = selector.raw('user');
  const user = typeof value === 'number' ? selector.number('user', 0, LAST_UID) : selector.string('user');
  const number = typeof user === 'string' && /^\d+$/.test(user) ? Number(user) : user;
  if (number === 0 || number === 'root')
    return selector.fail(
      'user',
      "cannot be root: the agent's own traffic could not be told apart; run the program as another user",
    );
  return number;
}
