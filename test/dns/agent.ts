/** What an agent does for names, for one workload: `agent.ts <folder for state> <uid of the workload>`. Says `ready` each time rules are set. */
import { uidOfAsker } from '../../agent/dns/asker.ts';
import { followResolvConf, readResolvConf } from '../../agent/dns/resolv-conf.ts';
import { DnsServer } from '../../agent/dns/server.ts';
import { keepDnsCaptured } from '../../agent/redirect/heartbeat.ts';
import { Redirect } from '../../agent/redirect/redirect.ts';
import { ASKED_PORTS, PORTS } from '../../agent/redirect/spec.ts';
import { silentLogger } from '../../manager/model/util/log.ts';

const RESOLV_CONF = '/etc/resolv.conf';
const [stateDir = '', uid = ''] = process.argv.slice(2);
const redirect = new Redirect({ stateDir, logger: silentLogger });
const { signal } = new AbortController();

const dns = await DnsServer.start({
  port: PORTS.dns,
  otherPorts: ASKED_PORTS,
  resolvers: await readResolvConf(RESOLV_CONF),
  onQuery: async hostname => console.log(`asked ${hostname}`),
  namespaceOf: async asker => ((await uidOfAsker(asker)) === Number(uid) ? 'shop' : undefined),
  logger: silentLogger,
});
const reviews = { name: 'reviews', aliases: [], ports: [] };
dns.answerer.setNames([
  {
    ...reviews,
    namespace: 'default',
    hostname: 'reviews.default.mesh',
    virtualIps: ['240.240.0.1', 'fd69:7374:686d::1'],
  },
  { ...reviews, namespace: 'shop', hostname: 'reviews.shop.mesh', virtualIps: ['240.240.0.2', 'fd69:7374:686d::2'] },
]);

async function capture(dnsServers: readonly string[]): Promise<void> {
  const virtualRanges = ['240.240.0.0/16', 'fd69:7374:686d::/48'];
  const users = [{ uid: Number(uid), listenerPort: 20_001, ports: [], addresses: [] }];
  await redirect.apply({
    host: { virtualRanges, users, proxyUid: 1337, agentUid: 0, dnsServers, askedPorts: dns.otherPorts },
    namespaces: [],
  });
  console.log(`ready ${dnsServers.join(' ')}`);
}

await Promise.all([
  keepDnsCaptured(signal),
  followResolvConf(
    RESOLV_CONF,
    {
      onChange: resolvers => {
        dns.setResolvers(resolvers);
        capture(resolvers.servers).catch((error: unknown) => console.error(error));
      },
      onUnreadable: console.error,
    },
    signal,
  ),
]);
