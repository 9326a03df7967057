import { isIP } from 'node:net';
import { HOST_NAME_RULE, isHostName } from '../../manager/model/host-name.ts';
import type { Locality } from '../../manager/model/locality.ts';
import type { Fields } from '../../manager/model/util/fields.ts';

/** What `agent.yaml` says, with every default filled in. `isthmus join` writes the file; only what differs need stand in it. */
export interface AgentConfig {
  /** This host's name in the mesh, as it joined. */
  readonly host: string;
  /** Address that other hosts reach this one at. */
  readonly address: string;
  readonly tunnelPort: number;
  readonly network: string;
  readonly locality: Locality;
  readonly envoy: {
    /** Envoy's program; found or fetched when absent. */
    readonly path?: string;
    readonly uid: number;
    readonly gid: number;
    /** Worker threads; one for each core when absent. */
    readonly concurrency?: number;
    /** How long old connections may go on after a change of listeners, seconds. */
    readonly drainSeconds: number;
  };
  /** As written; their kinds read them. */
  readonly platforms: readonly { readonly kind: string; readonly settings: Readonly<Record<string, unknown>> }[];
}

/** Of users that no package of a distribution uses. */
const ENVOY_UID = 1337;

/** Reads `agent.yaml`; what is wrong is noted in the fields. @param kinds of platforms. */
export function readAgentConfig(fields: Fields, kinds: readonly string[]): AgentConfig {
  const host = fields.required('host', 'run isthmus join, which writes it');
  if (host !== undefined && !isHostName(host))
    fields.fail('host', `must be ${HOST_NAME_RULE}, not "${host}"`, 'try "vm-7" or "vm-7.dc1.example"');
  const address = fields.required('address', 'the IP address that other hosts reach this one at, such as 10.0.0.1');
  if (address !== undefined && isIP(address) === 0)
    fields.fail('address', `must be an IP address, not "${address}"`, 'try 10.0.0.1');
  return {
    host: host ?? '',
    address: address ?? '',
    tunnelPort: fields.port('tunnelPort') ?? 15_008,
    network: fields.string('network') ?? '',
    locality: readLocality(fields.map('locality')),
    envoy: readEnvoy(fields.map('envoy')),
    platforms: readPlatforms(fields, kinds),
  };
}

function readLocality(fields: Fields | undefined): Locality {
  const part = (name: string): string => fields?.string(name) ?? '';
  const locality = { region: part('region'), zone: part('zone'), subzone: part('subzone') };
  fields?.unknown();
  return locality;
}

function readEnvoy(fields: Fields | undefined): AgentConfig['envoy'] {
  const path = fields?.string('path');
  if (path !== undefined && !path.startsWith('/')) fields?.fail('path', `must begin with "/", not "${path}"`);
  const uid = fields?.number('uid', 1, 2 ** 32 - 2) ?? ENVOY_UID;
  const concurrency = fields?.number('concurrency', 1, 1024);
  const envoy = {
    ...(path !== undefined && { path }),
    uid,
    gid: fields?.number('gid', 1, 2 ** 32 - 2) ?? uid,
    ...(concurrency !== undefined && { concurrency }),
    drainSeconds: fields?.number('drainSeconds', 1, 86_400) ?? 60,
  };
  fields?.unknown();
  return envoy;
}

function readPlatforms(fields: Fields, kinds: readonly string[]): AgentConfig['platforms'] {
  if (!fields.has('platforms')) return kinds.includes('linux') ? [{ kind: 'linux', settings: {} }] : [];
  const raw = fields.raw('platforms');
  return fields.list('platforms').flatMap((entry, index) => {
    const kind = entry.has('kind') ? entry.oneOf('kind', kinds) : entry.required('kind', `one of ${kinds.join(', ')}`);
    if (kind === undefined) return [];
    const { kind: _, ...settings } = (raw as Record<string, unknown>[])[index]!;
    return [{ kind, settings }];
  });
}
