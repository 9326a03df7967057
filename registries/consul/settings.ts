import { Fields, show } from '../../manager/model/util/fields.ts';

/** Settings of a `consul` registry, read. */
export interface ConsulSettings {
  /** `address:`, such as `127.0.0.1:8500` or `https://consul.internal:8501`. */
  readonly url: URL;
  /** ACL token. */
  readonly token?: string;
  /** A file that holds it instead; read at each session. */
  readonly tokenFile?: string;
  readonly datacenter?: string;
  /** Consul Enterprise: `consulNamespace:` and `partition:`. (`namespace:` is where the services stand in the mesh.) */
  readonly consulNamespace?: string;
  readonly partition?: string;
  /** `tls:`, files in PEM; read at each session. */
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly serverName?: string;
  };
  /** Domain of Consul's DNS, in which services have an alias; `consul` when absent. */
  readonly domain: string;
  /** Instances with one of these in their metadata under `external-source` are left to the registry they came from. */
  readonly ignoreSources: readonly string[];
  /**
   * Connections held at once, at most; 150 when absent. Consul allows 200 for each client address, unless its
   * `limits.http_max_conns_per_client` says otherwise.
   */
  readonly connections: number;
  /** How long one blocking query waits for a change, milliseconds; `waitSeconds:`, 30 s when absent: many a proxy ends what is quiet for 60. */
  readonly waitMs: number;
}

/** With fewer, blocking queries would leave none for the reads between. */
const FEWEST_CONNECTIONS = 8;

/** Reads the settings. @throws {ConfigError} */
export function readSettings(settings: Readonly<Record<string, unknown>>, path: string): ConsulSettings {
  const fields = new Fields(settings, path);
  const texts: Record<string, string> = {};
  const url = readAddress(fields);
  for (const name of ['token', 'tokenFile', 'datacenter', 'consulNamespace', 'partition'] as const) {
    const text = fields.string(name);
    if (text !== undefined) texts[name] = text;
  }
  if (fields.has('token') && fields.has('tokenFile')) fields.fail('tokenFile', 'cannot stand beside "token"');
  const tls = readTls(fields.map('tls'));
  if (fields.has('tls') && url?.protocol !== 'https:') fields.fail('tls', 'needs an address that begins with https://');
  const domain = fields.string('domain') ?? 'consul';
  const ignoreSources = fields.strings('ignoreSources') ?? ['isthmus'];
  const connections = fields.number('connections', FEWEST_CONNECTIONS, 100_000) ?? 150;
  const waitMs = (fields.number('waitSeconds', 1, 600, false) ?? 30) * 1000;
  fields.unknown();
  fields.check('registry "consul"');
  return { url: url!, ...texts, tls, domain, ignoreSources, connections, waitMs };
}

function readTls(fields: Fields | undefined): ConsulSettings['tls'] {
  const texts: Record<string, string> = {};
  for (const name of ['ca', 'cert', 'key', 'serverName'] as const) {
    const text = fields?.string(name);
    if (text !== undefined) texts[name] = text;
  }
  if (fields && (texts['cert'] === undefined) !== (texts['key'] === undefined))
    fields.fail('key', 'and "cert" go together: give both or none');
  fields?.unknown();
  return texts;
}

function readAddress(fields: Fields): URL | undefined {
  const text = fields.has('address') ? fields.string('address') : '127.0.0.1:8500';
  if (!fields.has('address')) fields.raw('address');
  if (text === undefined) return undefined;
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  const plain = url && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '' && url.pathname === '/';
  if (!plain || url.username !== '' || url.search !== '')
    return fields.fail('address', `must be host:port or a URL with no path, not ${show(text)}`, 'try "127.0.0.1:8500"');
  if (url.port === '' && !/:\d+\/?$/.test(text)) url.port = url.protocol === 'https:' ? '8501' : '8500';
  return url;
}
