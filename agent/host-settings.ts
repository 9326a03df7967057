import { join } from 'node:path';
import { transparency } from './capabilities.ts';
import type { HostSettings } from './compile/input.ts';
import type { EnvoyPaths } from './envoy/paths.ts';
import { hasIpv6 } from './ipv6.ts';
import { PORTS } from './redirect/spec.ts';

/** What the compiler must know of this host. */
export async function hostSettings(runDir: string, paths: EnvoyPaths): Promise<HostSettings> {
  const { inbound: inboundPort, outbound: namespaceOutboundPort } = PORTS;
  return {
    inboundPort,
    namespaceOutboundPort,
    namespaces: join(runDir, 'namespaces'),
    admittedLog: paths.admitted,
    ipv6: await hasIpv6(),
    transparent: (await transparency()) !== undefined,
  };
}
