import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { findProgram } from './programs.ts';

/** A small ruleset with everything that capture uses: if it loads, the kernel can do it. */
const PROBE = `table inet isthmus_probe {
  set mesh { type ipv4_addr; flags interval; elements = { 240.240.0.0/16 } }
  set alive { typeof meta l4proto; flags timeout; }
  map outbound { typeof meta skuid : tcp dport; elements = { 2001 : 20001 } }
  chain out {
    type nat hook output priority -105; policy accept;
    ip daddr @mesh meta l4proto tcp redirect to :meta skuid map @outbound
    meta l4proto @alive udp dport 53 redirect to :15053
  }
  chain guard {
    type filter hook input priority 0; policy accept;
    tcp dport 20000 ct status and dnat == 0 reject with tcp reset
  }
}
`;

/** What works without root and nftables. */
const STILL = 'What still works here: `npm run ok`, `isthmus manager`, and the commands that talk to one.';

/** Why hosts made of network namespaces cannot be made here, in one sentence; undefined when they can. */
export function whyNoHosts(): string | undefined {
  if (process.platform !== 'linux')
    return `Isthmus captures traffic on Linux only, and this is ${process.platform}. ${STILL}`;
  if (process.getuid?.() !== 0)
    return `Capturing traffic needs root, and this is user ${process.getuid?.()}: run it with sudo. ${STILL}`;
  const [nft, unshare] = [findProgram('nft'), findProgram('unshare')];
  if (!nft) return `nftables is not installed (no nft in /usr/sbin): run apt-get install nftables. ${STILL}`;
  if (!unshare) return `util-linux is not installed (no unshare in /usr/bin): run apt-get install util-linux. ${STILL}`;
  // In a namespace of its own, so that nothing of this host is touched.
  const tried = spawnSync(unshare, ['--net', nft, '-f', '-'], { input: PROBE, encoding: 'utf8', timeout: 10_000 });
  if (tried.status === 0) return undefined;
  const said = (tried.stderr || tried.error?.message || `exit code ${tried.status}`).trim().split('\n')[0];
  return `This kernel (${release()}) cannot redirect with nftables in a network namespace: ${said}. ${STILL}`;
}
