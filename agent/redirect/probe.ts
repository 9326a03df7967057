import { release } from 'node:os';
import { messageOf } from '../../manager/model/util/errors.ts';
import { capabilitiesOf } from '../capabilities.ts';
import { hostRuleset } from './host-ruleset.ts';
import { namespaceRuleset } from './namespace-ruleset.ts';
import { RedirectError, run, type Tools } from './nft.ts';
import type { KernelFeatures } from './ruleset.ts';
import { replaceScript } from './script.ts';
import { ASKED_PORTS } from './spec.ts';

const STILL = 'Without capture this host can still serve callers from other hosts through the tunnel.';

/**
 * What this kernel can do, tried without changing anything.
 * @throws {RedirectError} that says in one sentence why it cannot capture at all.
 */
export async function probeKernel(tools: Tools): Promise<KernelFeatures> {
  if (!(await capabilitiesOf('self')).has('net_admin'))
    throw new RedirectError(`Capturing traffic needs root or CAP_NET_ADMIN: run the agent as root. ${STILL}`);
  const ranges = { virtualRanges: ['240.240.0.0/16', 'fd00::/48'], proxyUid: 1337 };
  const host = hostRuleset({ ...ranges, users: [], agentUid: 0, dnsServers: [], askedPorts: ASKED_PORTS });
  const trial = async (kernel: KernelFeatures): Promise<void> => {
    const inside = namespaceRuleset({ ...ranges, path: '', id: '', ports: [] }, kernel, {});
    await run([tools.nft, '--check', '-f', '-'], [host, inside].map(replaceScript).join(''));
  };
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
