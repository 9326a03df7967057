import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { messageOf } from '../../manager/model/util/errors.ts';
import { RedirectError, run, type Tools } from './nft.ts';
import { hostRuleset, type KernelFeatures } from './ruleset.ts';
import { replaceScript } from './script.ts';

/** CAP_NET_ADMIN, see capabilities(7). */
const NET_ADMIN = 12n;

const STILL = 'Without capture this host can still serve callers from other hosts through the tunnel.';

/**
 * What this kernel can do, tried without changing anything.
 * @throws {RedirectError} that says in one sentence why it cannot capture at all.
 */
export async function probeKernel(tools: Tools): Promise<KernelFeatures> {
  if (!(await mayAdminister()))
    throw new RedirectError(`Capturing traffic needs root or CAP_NET_ADMIN: run the agent as root. ${STILL}`);
  const trial = async (kernel: KernelFeatures): Promise<void> => {
    const capture = {
      virtualRanges: ['240.240.0.0/16', 'fd00::/48'],
      users: [],
      proxyUid: 1337,
      agentUid: 0,
      dnsServers: [],
    };
    await run([tools.nft, '--check', '-f', '-'], replaceScript(hostRuleset(capture, kernel)));
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

async function mayAdminister(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'latin1');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> NET_ADMIN) & 1n) === 1n;
}
