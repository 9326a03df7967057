import { release } from 'node:os';
import { hostRuleset } from '../../agent/redirect/host-ruleset.ts';
import { namespaceRuleset } from '../../agent/redirect/namespace-ruleset.ts';
import { run } from '../../agent/redirect/nft.ts';
import { replaceScript } from '../../agent/redirect/script.ts';
import { ASKED_PORTS, PORTS } from '../../agent/redirect/spec.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { findProgram } from './programs.ts';

const VIRTUAL_RANGES = ['240.240.0.0/16', 'fd00::/48'];

/** The agent's own rules, on a host and in a workload's namespace: if they load, this kernel and this nft can capture. */
function probeScript(): string {
  const kernel = { udpTimeouts: false };
  const users = [{ uid: 2001, listenerPort: PORTS.firstListener, ports: [80], addresses: [] }];
  const dnsServers = ['192.0.2.1', '2001:db8::1'];
  const shared = { virtualRanges: VIRTUAL_RANGES, proxyUid: 2002 };
  const host = hostRuleset({ ...shared, users, agentUid: 0, dnsServers, askedPorts: ASKED_PORTS });
  const inside = namespaceRuleset({ ...shared, path: '', id: '', ports: [80] }, kernel, {});
  return [host, inside].map(replaceScript).join('');
}

/** What works without root and nftables. */
const STILL = 'What still works here: `npm run ok`, `isthmus manager`, and the commands that talk to one.';

const NO_NFT = `nftables is not installed (no nft in /usr/sbin): run apt-get install nftables. ${STILL}`;

/** Why traffic cannot be captured here whatever is installed, in one sentence; undefined when it may be possible. */
function whyNeverHosts(): string | undefined {
  if (process.platform !== 'linux')
    return `Isthmus captures traffic on Linux only, and this is ${process.platform}. ${STILL}`;
  if (process.getuid?.() !== 0)
    return `Capturing traffic needs root, and this is user ${process.getuid?.()}: run it with sudo. ${STILL}`;
  return undefined;
}

/**
 * Why hosts of network namespaces cannot be made here, or their traffic not captured, in one sentence; undefined when it can.
 * @param prepare brings what may be missing, before it is looked for; not called where that could not help.
 */
export async function whyNoHosts(prepare?: () => Promise<unknown>): Promise<string | undefined> {
  const never = whyNeverHosts();
  if (never) return never;
  await prepare?.();
  const [nft, unshare] = [findProgram('nft'), findProgram('unshare')];
  if (!nft) return NO_NFT;
  if (!unshare) return `util-linux is not installed (no unshare in /usr/bin): run apt-get install util-linux. ${STILL}`;
  // In a namespace of its own, so that nothing of this host is touched.
  return whyRefused('redirect with nftables in a network namespace', [unshare, '--net', nft, '-f', '-']);
}

/**
 * Why an agent cannot capture here, in one sentence; undefined when it can. Nothing is changed. That takes no right to make network
 * namespaces, which a unit or a container need not leave to an agent.
 */
export async function whyNoAgent(): Promise<string | undefined> {
  const never = whyNeverHosts();
  if (never) return never;
  const nft = findProgram('nft');
  return nft === undefined ? NO_NFT : whyRefused('redirect with nftables', [nft, '--check', '-f', '-']);
}

async function whyRefused(what: string, command: readonly string[]): Promise<string | undefined> {
  try {
    await run(command, probeScript());
    return undefined;
  } catch (error) {
    return `This kernel (${release()}) cannot ${what}: ${messageOf(error)}. ${STILL}`;
  }
}
