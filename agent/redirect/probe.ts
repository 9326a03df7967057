import { release } from 'node:os';
import { messageOf } from '../../manager/model/util/errors.ts';
import { capabilitiesOf } from '../capabilities.ts';
import { hostRuleset } from './host-ruleset.ts';
import { namespaceRuleset } from './namespace-ruleset.ts';
import { RedirectError, run, type Tools } from './nft.ts';
import type { KernelFeatures } from './ruleset.ts';
import { replaceScript } from './script.ts';
import { ASKED_PORTS, PORTS } from './spec.ts';

const STILL = 'Without capture this host can still serve callers from other hosts through the tunnel.';

/** The rules as they are on a host and in a workload's namespace, with elements of every kind: where these load, capture works. */
export function trialScript(kernel: KernelFeatures): string {
  const shared = { virtualRanges: ['240.240.0.0/16', 'fd00::/48'], proxyUid: 2002 };
  const users = [{ uid: 2001, listenerPort: PORTS.firstListener, ports: [80], addresses: [] }];
  const names = { dnsServers: ['192.0.2.1', '2001:db8::1'], askedPorts: ASKED_PORTS };
  const host = hostRuleset({ ...shared, ...names, users, agentUid: 0 });
  const inside = namespaceRuleset({ ...shared, path: '', id: '', ports: [80] }, kernel, {});
  return [host, inside].map(replaceScript).join('');
}

/**
 * What this kernel can do, tried without changing anything.
 * @throws {RedirectError} that says in one sentence why it cannot capture at all.
 */
export async function probeKernel(tools: Tools): Promise<KernelFeatures> {
  if (!(await capabilitiesOf('self')).has('net_admin'))
    throw new RedirectError(`Capturing traffic needs root or CAP_NET_ADMIN: run the agent as root. ${STILL}`);
  const trial = (kernel: KernelFeatures): Promise<string> =>
    run([tools.nft, '--check', '-f', '-'], trialScript(kernel));
  try {
    await trial({ udpTimeouts: true });
    return { udpTimeouts: true };
  } catch {
    // The second try says what is wrong when it is more than that.
  }
  try {
    await trial({ udpTimeouts: false });
    return { udpTimeouts: false };
  } catch (error) {
    throw new RedirectError(`This kernel (${release()}) cannot redirect with nftables: ${messageOf(error)}. ${STILL}`);
  }
}
