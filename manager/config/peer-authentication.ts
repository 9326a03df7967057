import type { MtlsMode, PeerAuthenticationSpec } from '../model/config/security.ts';
import { compact } from '../model/util/compact.ts';
import type { Fields } from '../model/util/fields.ts';
import type { Kind } from './kind.ts';
import { describeSelector, readSelector } from './selector.ts';

const MODES: readonly MtlsMode[] = ['UNSET', 'PERMISSIVE', 'STRICT', 'DISABLE'];

/** https://istio.io/latest/docs/reference/config/security/peer_authentication/ */
export const peerAuthenticationKind: Kind<'PeerAuthentication', PeerAuthenticationSpec> = {
  group: 'security.istio.io',
  versions: ['v1', 'v1beta1'],
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  singular: 'peerauthentication',
  shortNames: ['pa'],
  summary: 'whether workloads serve callers without an identity',
  parse(spec) {
    const selector = readSelector(spec);
    const mtls = readMode(spec.map('mtls'));
    const portLevelMtls = readPorts(spec.map('portLevelMtls'));
    if (Object.keys(portLevelMtls).length > 0 && !selector)
      spec.fail('portLevelMtls', 'needs a selector: ports are those of certain workloads', 'add selector.matchLabels');
    spec.unknown();
    return compact({ selector, mtls, portLevelMtls });
  },
  describe({ selector, mtls, portLevelMtls }) {
    const ports = Object.entries(portLevelMtls).map(([port, { mode }]) => `, ${port} ${mode}`);
    return `${describeSelector(selector)}: ${mtls.mode}${ports.join('')}`;
  },
};

function readMode(fields: Fields | undefined): { readonly mode: MtlsMode } {
  const mode = fields?.oneOf('mode', MODES);
  fields?.unknown();
  return { mode: mode ?? 'UNSET' };
}

function readPorts(fields: Fields | undefined): Record<string, { readonly mode: MtlsMode }> {
  const ports: Record<string, { readonly mode: MtlsMode }> = {};
  for (const port of fields?.names() ?? []) {
    if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) fields?.fail(port, `"${port}" is no port number`);
    ports[port] = readMode(fields?.map(port));
  }
  return ports;
}
