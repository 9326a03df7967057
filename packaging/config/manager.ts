import { isIP } from 'node:net';
import { join } from 'node:path';
import { DEFAULT_TRUST_DOMAIN } from '../../auth/identity.ts';
import type { Fields } from '../../manager/model/util/fields.ts';
import { storeKinds } from '../../manager/store/index.ts';
import { type ConfiguredRegistry, readRegistries } from '../../registries/settings.ts';

/** An address and port to listen on. */
export interface Listen {
  /** `::` is every address of the host. */
  readonly address: string;
  readonly port: number;
}

/** Files of a certificate authority that a person brings along. */
export type CaFiles =
  | { readonly kind: 'pem'; readonly certificate: string; readonly key: string; readonly passphraseFile?: string }
  | { readonly kind: 'pkcs12'; readonly file: string; readonly passphraseFile: string };

/** What `manager.yaml` says, with every default filled in. Without the file, all is default. */
export interface ManagerConfig {
  readonly trustDomain: string;
  /** Where agents connect. */
  readonly agents: Listen;
  /** Where the REST API is served over TLS; on this host it is on a unix socket besides. */
  readonly api: Listen;
  readonly store: { readonly kind: string; readonly settings: Readonly<Record<string, unknown>> };
  /** Absent: one is made at the first start. */
  readonly ca?: CaFiles;
  /** In the order of precedence. Unless told otherwise: the files of `services.d` beside manager.yaml. */
  readonly registries: readonly ConfiguredRegistry[];
  /** That folder, where it is the registry: it must be there to be watched. */
  readonly servicesFolder?: string;
}

const DOMAIN = /^[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?$/;

/** Reads `manager.yaml`; what is wrong is noted in the fields, or thrown by what reads a part. @param configDir holds the file. */
export function readManagerConfig(fields: Fields, configDir: string): ManagerConfig {
  const trustDomain = fields.string('trustDomain') ?? DEFAULT_TRUST_DOMAIN;
  if (!DOMAIN.test(trustDomain))
    fields.fail(
      'trustDomain',
      `must be lower-case letters, digits, "-" and ".", not "${trustDomain}"`,
      'try "example.mesh"',
    );
  const ca = readCa(fields.map('ca'));
  const rest = {
    trustDomain,
    agents: readListen(fields.map('agents'), { address: '::', port: 15_012 }),
    api: readListen(fields.map('api'), { address: '127.0.0.1', port: 15_014 }),
    store: readStore(fields),
    ...(ca !== undefined && { ca }),
  };
  const written = fields.raw('registries');
  if (written !== undefined) return { ...rest, registries: readRegistries(written, fields.at('registries')) };
  const servicesFolder = join(configDir, 'services.d');
  return {
    ...rest,
    registries: readRegistries([{ kind: 'file', path: servicesFolder }], 'registries'),
    servicesFolder,
  };
}

function readListen(fields: Fields | undefined, preset: Listen): Listen {
  const address = fields?.string('address') ?? preset.address;
  if (isIP(address) === 0)
    fields?.fail('address', `must be an IP address, not "${address}"`, `try "${preset.address}"`);
  const listen = { address, port: fields?.port('port') ?? preset.port };
  fields?.unknown();
  return listen;
}

function readStore(fields: Fields): ManagerConfig['store'] {
  const store = fields.map('store');
  const kind = store?.oneOf('kind', [...storeKinds.keys()]) ?? 'sqlite';
  const { kind: _, ...settings } = (fields.raw('store') ?? {}) as Record<string, unknown>;
  return { kind, settings };
}

function readCa(fields: Fields | undefined): CaFiles | undefined {
  if (fields === undefined) return undefined;
  const file = fields.string('pkcs12');
  const passphraseFile = file === undefined ? fields.string('passphraseFile') : fields.required('passphraseFile');
  const [certificate, key] =
    file === undefined ? [fields.required('certificate', 'or "pkcs12"'), fields.required('key')] : [];
  fields.unknown();
  if (file !== undefined) return { kind: 'pkcs12', file, passphraseFile: passphraseFile ?? '' };
  return {
    kind: 'pem',
    certificate: certificate ?? '',
    key: key ?? '',
    ...(passphraseFile !== undefined && { passphraseFile }),
  };
}
