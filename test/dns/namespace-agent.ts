/**
 * What an agent does for the names of a workload with a network namespace of its own. Takes its task as JSON; says `ready` once
 * DNS is captured there.
 */
import { workload } from '../../agent/compile/fixtures.ts';
import { dnsClusters, namespaceDns } from '../../agent/compile/namespace-dns.ts';
import { DnsServer } from '../../agent/dns/server.ts';
import { AdsServer } from '../../agent/envoy/ads/server.ts';
import { bootstrap } from '../../agent/envoy/bootstrap.ts';
import { envoyPaths } from '../../agent/envoy/paths.ts';
import { EnvoyProcess } from '../../agent/envoy/process.ts';
import { Redirect } from '../../agent/redirect/redirect.ts';
import { PORTS } from '../../agent/redirect/spec.ts';
import { namespaceAt } from '../../agent/redirect/table.ts';
import { linkNamespaces } from '../../agent/workloads/namespace-links.ts';
import { NOWHERE } from '../../manager/model/locality.ts';
import { silentLogger as logger } from '../../manager/model/util/log.ts';

export interface NamespaceTask {
  readonly binary: string;
  readonly folder: string;
  readonly proxyUid: number;
  readonly namespace: string;
  readonly resolver: string;
}

const task = JSON.parse(process.argv[2] ?? '') as NamespaceTask;
const { binary, folder, proxyUid, namespace, resolver } = task;
const soon = AbortSignal.timeout(20_000);
const { signal } = new AbortController();

const dns = await DnsServer.start({
  port: PORTS.dns,
  resolvers: { servers: [resolver], rotate: false },
  onQuery: async () => undefined,
  namespaceOf: async () => undefined,
  logger,
});
const reviews = { name: 'reviews', namespace: 'default', hostname: 'reviews.default.mesh' };
dns.setNames([{ ...reviews, aliases: [], ports: [], virtualIps: ['240.240.0.1', 'fd69:7374:686d::1'] }]);

const host = { name: 'a', address: '10.77.0.1', tunnelPort: 15_008, network: '', locality: NOWHERE };
const id = namespaceAt(namespace)!;
const { local } = workload(host, 'web', [], { selector: { kind: 'namespace', path: namespace, id } });
const paths = envoyPaths(folder, folder);
const namespaces = `${folder}/namespaces`;
await linkNamespaces(namespaces, [local]);
const ads = new AdsServer({ socket: paths.xds, uid: proxyUid, log: logger });
await ads.start();
ads.setSecrets([], 'none');
ads.update([
  ...dnsClusters(PORTS.dns),
  ...namespaceDns(local, {
    inboundPort: 0,
    namespaceOutboundPort: 0,
    dnsPort: PORTS.dns,
    namespaces,
    admittedLog: paths.admitted,
    ipv6: true,
  }),
]);
const envoy = new EnvoyProcess({
  binary,
  paths,
  uid: proxyUid,
  gid: proxyUid,
  enterNamespaces: true,
  concurrency: 1,
  bootstrap: bootstrap({ host: 'a', paths }),
  log: logger,
});
await envoy.start(signal);
await envoy.ready(soon);
await ads.applied(soon);
const refused = ads.status().resources.filter(({ state }) => state === 'rejected');
if (refused.length > 0) throw new Error(JSON.stringify(refused));

const redirect = new Redirect({ stateDir: folder, logger });
const virtualRanges = ['240.240.0.0/16', 'fd69:7374:686d::/48'];
await redirect.apply({
  host: { virtualRanges, users: [], proxyUid, agentUid: 0, dnsServers: [resolver] },
  namespaces: [{ path: namespace, id, virtualRanges, ports: [], proxyUid, dns: true }],
});
console.log('ready');
await redirect.run(signal);
