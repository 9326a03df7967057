import test from 'ava';
import type { MtlsMode, PeerAuthentication } from '../../manager/model/config/security.ts';
import { effectiveMtls } from './peer-authentication.ts';

function peer(name: string, mode: MtlsMode, ports: Readonly<Record<string, MtlsMode>> = {}): PeerAuthentication {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name, namespace: 'n', labels: {}, annotations: {}, resourceVersion: '1', creationTimestamp: '' },
    spec: {
      mtls: { mode },
      portLevelMtls: Object.fromEntries(Object.entries(ports).map(([port, mode]) => [port, { mode }])),
    },
  };
}

const CASES: readonly [name: string, policies: PeerAuthentication[], mode: MtlsMode, origin?: string][] = [
  ['nothing said', [], 'PERMISSIVE'],
  ['mesh', [peer('mesh', 'STRICT')], 'STRICT', 'PeerAuthentication n/mesh'],
  ['narrower wins', [peer('w', 'PERMISSIVE'), peer('mesh', 'STRICT')], 'PERMISSIVE', 'PeerAuthentication n/w'],
  [
    'UNSET inherits',
    [peer('w', 'UNSET'), peer('ns', 'DISABLE'), peer('mesh', 'STRICT')],
    'DISABLE',
    'PeerAuthentication n/ns',
  ],
  ['all UNSET', [peer('w', 'UNSET'), peer('mesh', 'UNSET')], 'PERMISSIVE'],
  ['the port wins', [peer('w', 'STRICT', { 8080: 'PERMISSIVE' })], 'PERMISSIVE', 'PeerAuthentication n/w'],
  ['another port', [peer('w', 'STRICT', { 9090: 'PERMISSIVE' })], 'STRICT', 'PeerAuthentication n/w'],
  ['an UNSET port takes the workload', [peer('w', 'STRICT', { 8080: 'UNSET' })], 'STRICT', 'PeerAuthentication n/w'],
  [
    'an UNSET port and workload inherit',
    [peer('w', 'UNSET', { 8080: 'UNSET' }), peer('m', 'STRICT')],
    'STRICT',
    'PeerAuthentication n/m',
  ],
];

for (const [name, policies, mode, origin] of CASES) {
  test(name, t => t.like(effectiveMtls(policies, 8080), { mode, origin }));
}
