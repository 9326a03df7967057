import type { Host } from '../../hosts/host.ts';
import { loadRules } from '../../hosts/rules.ts';
import { SERVER_PORTS } from '../server.ts';
import { BASE, type EnvoyPair, startPair } from './envoy-pair.ts';
import { type Ground, type Path, portOf, portsFrom } from './path.ts';

/** The name of a pair that is {@link captured}. */
export function capturedName({ name }: EnvoyPair): string {
  return `${name}, captured`;
}

const UID = 2001;
const VIRTUAL = '240.240.0.0/16';
const SERVICE = '240.240.0.1';
/** Ports that the caller dials: other ones than those of the listeners, or the kernel would have nothing to rewrite. */
const DIALLED = 80;

const LISTENERS = portsFrom(DIALLED).map((dialled, index) => `${dialled} : ${portsFrom(BASE)[index]}`);

/**
 * What captures calls with nftables cannot do with less: the caller by its user, and callers from outside at the server's port. Nothing is
 * rewritten and no connection tracked, as with ours.
 */
const RULES = `
table inet captured {
  map listeners { type inet_service : inet_service; elements = { ${LISTENERS.join(', ')} } }
  chain out {
    type filter hook output priority raw; policy accept;
    ip daddr ${VIRTUAL} meta skuid ${UID} meta mark set 1
  }
  chain in {
    type filter hook prerouting priority raw; policy accept;
    ip daddr ${VIRTUAL} meta mark 1 meta l4proto tcp tproxy ip to :tcp dport map @listeners accept
    iif != "lo" tcp dport ${SERVER_PORTS.http} tproxy to :15006
  }
}
`;

async function capture(host: Host): Promise<void> {
  await host.run(['ip', 'route', 'add', 'local', VIRTUAL, 'dev', 'lo', 'src', host.address]);
  await loadRules(host, RULES);
}

/**
 * A pair of Envoys that is called as a program calls that is not changed: at a virtual IP, by way of nftables. What this costs beside the
 * same pair called at its own ports is the price of capture.
 */
export async function captured(ground: Ground, pair: EnvoyPair): Promise<Path> {
  const listeners = { address: '0.0.0.0', fields: { transparent: true } };
  const path = await startPair(ground, { ...pair, name: capturedName(pair) }, listeners);
  for (const host of [ground.caller, ground.far]) await capture(host);
  return {
    ...path,
    target: load => ({ host: ground.caller, uid: UID, url: `http://${SERVICE}:${portOf(DIALLED, load)}/` }),
  };
}
