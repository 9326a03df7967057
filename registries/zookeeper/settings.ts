import { Fields, show } from '../../manager/model/util/fields.ts';
import type { PathSettings } from './paths.ts';

/** Settings of a `zookeeper` registry, read. */
export interface ZooKeeperSettings {
  /** `servers: [zk1:2181, zk2:2181]`, or one text with commas. The port is 2181 when absent. */
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** `paths:`, each a text or `{path, service, namespace}`. */
  readonly paths: readonly PathSettings[];
  /** `sessionSeconds:`; 10 s when absent. A silent server is noticed within two thirds of it. */
  readonly sessionTimeoutMs: number;
  /** `user:password` of the scheme `digest`. */
  readonly digest?: string;
  /** A file that holds it instead; read at each connection. */
  readonly digestFile?: string;
}

const DEFAULT_PORT = 2181;

/** Reads the settings. @throws {ConfigError} */
export function readSettings(settings: Readonly<Record<string, unknown>>, path: string): ZooKeeperSettings {
  const fields = new Fields(settings, path);
  const servers = readServers(fields);
  const paths = readPaths(fields);
  const seconds = fields.number('sessionSeconds', 0.4, 600, false) ?? 10;
  const digest = fields.string('digest');
  const digestFile = fields.string('digestFile');
  if (digest !== undefined && !digest.includes(':')) fields.fail('digest', 'must be user:password');
  if (digest !== undefined && digestFile !== undefined) fields.fail('digestFile', 'cannot stand beside "digest"');
  fields.unknown();
  fields.check('registry "zookeeper"');
  return {
    servers,
    paths,
    sessionTimeoutMs: seconds * 1000,
    ...(digest !== undefined && { digest }),
    ...(digestFile !== undefined && { digestFile }),
  };
}

function readServers(fields: Fields): ZooKeeperSettings['servers'] {
  const raw = fields.raw('servers');
  const texts = typeof raw === 'string' ? raw.split(',') : (fields.strings('servers') ?? []);
  if (texts.length === 0) fields.fail('servers', 'must name at least one server', 'try ["127.0.0.1:2181"]');
  return texts.flatMap((text, index) => {
    const [, six, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/,[\]]+))(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
    const host = six ?? name;
    const number = port === undefined ? DEFAULT_PORT : Number(port);
    if (host !== undefined && number > 0 && number < 65_536) return [{ host, port: number }];
    fields.fail(`servers[${index}]`, `must be host:port, not ${show(text)}`, 'try "127.0.0.1:2181"');
    return [];
  });
}

function readPaths(fields: Fields): PathSettings[] {
  const raw = fields.raw('paths');
  if (!Array.isArray(raw) || raw.length === 0) {
    fields.fail('paths', 'must be a list of at least one path', 'try ["/discovery/*"]');
    return [];
  }
  return raw.flatMap((entry: unknown, index) => {
    const own = new Fields(
      typeof entry === 'string' ? { path: entry } : entry,
      fields.at(`paths[${index}]`),
      fields.errors,
    );
    const path = own.required('path', 'try "/discovery/reviews"');
    const service = own.string('service');
    const namespace = own.string('namespace');
    own.unknown();
    if (path === undefined) return [];
    if (!/^(\/[^/\0]+)+$/.test(path) || /\/\.\.?(\/|$)/.test(path))
      own.fail('path', `must begin with "/" and not end with one, not ${show(path)}`, 'try "/discovery/reviews"');
    else if (/[^/]\*|\*[^/]/.test(path))
      own.fail('path', `"*" stands for a whole part of the path, not ${show(path)}`, 'try "/discovery/*"');
    else if (service !== undefined && path.includes('*'))
      own.fail('service', 'cannot stand beside a path with "*": each child is a service by its own name');
    return [{ path, ...(service !== undefined && { service }), ...(namespace !== undefined && { namespace }) }];
  });
}
