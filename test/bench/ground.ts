import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../hosts/host.ts';
import type { Network } from '../hosts/network.ts';
import { makeCertificates } from './certificates.ts';
import type { Ground } from './paths/path.ts';
import { startServer } from './server.ts';

// New connections in their tens of thousands: enough ports, reused at once, and queues that hold a burst.
const SETTINGS = [
  'net.ipv4.ip_local_port_range=1024 65535',
  'net.ipv4.tcp_tw_reuse=1',
  'net.core.somaxconn=4096',
  'net.ipv4.tcp_max_syn_backlog=4096',
];

/** A host fit for load, with a server on it. */
export async function loadedHost(network: Network, name: string): Promise<Host> {
  const host = await network.host(name);
  await host.run(['sysctl', '-q', '-w', ...SETTINGS]);
  await startServer(host);
  return host;
}

/** Two hosts with a server each, and certificates: what the baselines stand on. @param name of the hosts. */
export async function makeGround(network: Network, envoy: string, name = 'plain'): Promise<Ground> {
  const caller = await loadedHost(network, `${name}-a`);
  const far = await loadedHost(network, `${name}-b`);
  const folder = join(caller.folder, 'certificates');
  await mkdir(folder);
  const another = (other: string): Promise<Ground> => makeGround(network, envoy, other);
  return { caller, far, certificates: await makeCertificates(folder), envoy, another };
}
