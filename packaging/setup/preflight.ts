import { release } from 'node:os';
import { run } from '../../agent/redirect/nft.ts';
import { trialScript } from '../../agent/redirect/probe.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { findProgram } from './programs.ts';

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
    await run(command, trialScript({ udpTimeouts: false }));
    return undefined;
  } catch (error) {
    return `This kernel (${release()}) cannot ${what}: ${messageOf(error)}. ${STILL}`;
  }
}
