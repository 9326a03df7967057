import type { ReportedWorkload } from '../model/proto/messages.ts';
import type { Member } from './members.ts';

/** A host that may be anything. */
export function member(name: string): Member {
  return { name, identities: ['*/*'], joinedAt: 0, token: 't' };
}

/** A healthy workload of a host, at an address. */
export function workload(host: string, address: string, name = 'web'): ReportedWorkload {
  return {
    uid: `${host}/default/${name}`,
    name,
    namespace: 'default',
    serviceAccount: 'web',
    labels: {},
    addresses: [address],
    ports: [{ number: 80, name: 'http', protocol: 'http' }],
    platform: 'linux',
    services: [],
    health: 'healthy',
    policyRevision: '',
  };
}
