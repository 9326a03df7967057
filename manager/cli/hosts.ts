import type { HostReport, RejectionReport } from '../api/inspect.ts';
import { withPort } from '../model/util/address.ts';
import { asker, askFor } from './ask.ts';
import { type Command, EXIT } from './command.ts';
import { CONNECTION_OPTIONS, TIMED_OUTPUT_OPTION } from './options.ts';
import { ago, alike, namesText, print, type Table, tableText } from './output.ts';

/** Shows hosts. */
export const hostsCommand: Command = {
  name: 'hosts',
  summary: 'Show hosts: lease, versions, and what they refused',
  usage: 'isthmus hosts [-o table|json|yaml]',
  examples: [
    { command: 'isthmus hosts', says: 'which hosts are there, and which were lost' },
    { command: 'isthmus hosts -o json', says: 'with their workloads and the config that they refused' },
  ],
  options: { ...TIMED_OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  async run({ values }, context) {
    const { items } = await askFor<{ readonly items: readonly HostReport[] }>(asker(values, context), {
      path: '/isthmus/v1/hosts',
    });
    const rejections = items.flatMap(({ name, rejections: of }) => of.map(rejection => ({ ...rejection, host: name })));
    print(
      context,
      values,
      items,
      () =>
        tableText(context, hostsTable(items)) +
        rejectionLines(rejections)
          .map(line => `${line}\n`)
          .join(''),
    );
    return EXIT.ok;
  },
};

function hostsTable(hosts: readonly HostReport[]): Table {
  return {
    head: ['HOST', 'ADDRESS', 'LEASE', 'HEARD', 'AGENT', 'ENVOY', 'WORKLOADS', 'SUBSCRIBED', 'REFUSED'],
    rows: hosts.map(host => [
      host.name,
      host.address === '' ? '' : withPort(host.address, host.tunnelPort),
      host.lease.state,
      host.lease.state === 'none' ? `never, joined ${ago(host.joinedAt)} ago` : `${ago(host.lease.lastHeard)} ago`,
      host.agentVersion,
      host.envoyConnected ? host.envoyVersion : `${host.envoyVersion} (not connected)`.trim(),
      String(host.workloads.length),
      String(Object.values(host.subscriptions).reduce((sum, names) => sum + names, 0)),
      String(host.rejections.length),
    ]),
    right: [6, 7, 8],
    empty: 'No host has joined. Try: isthmus token create --identity "default/*"',
  };
}

/** What is wrong on hosts, the config that caused it, and why: a line for what many of them say alike. */
export function rejectionLines(
  rejections: readonly (RejectionReport & { readonly host: string })[],
): readonly string[] {
  const said = alike(rejections.map(rejection => [rejection.host, rejectionText(rejection)]));
  return said.map(({ names, text }) => `${namesText(names)}: ${text}`);
}

/** The same without the host. What caused it is named once: it may be what is wrong, as with `capture of user 0`. */
export function rejectionText({ resource, origins, reason }: RejectionReport): string {
  const isNamed = origins.length === 0 || origins.some(origin => resource.endsWith(origin));
  return `${resource}${isNamed ? '' : ` (from ${origins.join(', ')})`}: ${reason}`;
}
