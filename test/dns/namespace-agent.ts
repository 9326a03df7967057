/**
 * What an agent does for the names of a workload with a network namespace of its own. Takes its task as JSON; says `ready` once
 * the rules are in force.
 */

import { NamespaceServers } from '../../agent/dns/namespace/servers.ts';
import { DnsServer } from '../../agent/dns/server.ts';
import { Redirect } from '../../agent/redirect/redirect.ts';
import { ASKED_PORTS, PORTS } from '../../agent/redirect/spec.ts';
import { namespaceAt } from '../../agent/redirect/table.ts';
import { silentLogger as logger } from '../../manager/model/util/log.ts';

export interface NamespaceTask {
  readonly folder: string;
  readonly proxyUid: number;
  readonly path: string;
  /** Of the host. */
  readonly resolver: string;
}

const { folder, proxyUid, path, resolver } = JSON.parse(process.argv[2] ?? '') as NamespaceTask;
const { signal } = new AbortController();

const dns = await DnsServer.start({
  port: PORTS.dns,
  resolvers: { servers: [resolver], rotate: false },
  onQuery: async () => undefined,
  namespaceOf: async () => undefined,
  logger,
});
const reviews = { name: 'reviews', namespace: 'default', hostname: 'reviews.default.mesh' };
dns.answerer.setNames([{ ...reviews, aliases: [], ports: [], virtualIps: ['240.240.0.1', 'fd69:7374:686d::1'] }]);

const redirect = new Redirect({ stateDir: folder, logger });
const virtualRanges = ['240.240.0.0/16', 'fd69:7374:686d::/48'];
const id = namespaceAt(path)!;
await redirect.apply({
  host: { virtualRanges, users: [], proxyUid, agentUid: 0, dnsServers: [resolver], askedPorts: ASKED_PORTS },
  namespaces: [{ path, id, virtualRanges, ports: [], proxyUid }],
});
const servers = new NamespaceServers({
  answerer: dns.answerer,
  wanted: () => [{ path, id, namespace: 'default' }],
  serverOf: (_, family, port) => redirect.askedServer(path, family, port),
  onRulesGone: () => redirect.suspect(path),
  virtualAddress: () => '240.240.0.0',
  proxyUid,
  logger,
});
console.log('ready');
await Promise.all([redirect.run(signal), servers.run(signal)]);
