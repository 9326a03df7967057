import type { HostReport, WorkloadReport } from '../api/inspect.ts';
import { asker, askFor } from './ask.ts';
import { type Command, EXIT } from './command.ts';
import { namespaceOf } from './objects.ts';
import { CONNECTION_OPTIONS, NAMESPACE_OPTION, OUTPUT_OPTION } from './options.ts';
import { namesText, print, type Table, tableText } from './output.ts';

/** Shows workloads. */
export const workloadsCommand: Command = {
  name: 'workloads',
  summary: 'Show workloads: host, identity, and whether their policy is in force',
  usage: 'isthmus workloads [-n <namespace>] [-o table|json|yaml]',
  examples: [{ command: 'isthmus workloads -n shop', says: 'what runs in a namespace, and as whom' }],
  options: { ...NAMESPACE_OPTION, ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  async run({ values }, context) {
    const namespace = namespaceOf(workloadsCommand, values);
    const ask = asker(values, context);
    const { items } = await askFor<{ readonly items: readonly WorkloadReport[] }>(ask, {
      path: '/isthmus/v1/workloads',
    });
    const workloads = items.filter(workload => namespace === undefined || workload.namespace === namespace);
    const { items: hosts } = await askFor<{ readonly items: readonly HostReport[] }>(ask, {
      path: '/isthmus/v1/hosts',
    });
    print(
      context,
      values,
      workloads,
      () => tableText(context, workloadsTable(workloads, hosts, namespace)) + waiting(workloads, hosts),
    );
    return EXIT.ok;
  },
};

function workloadsTable(
  workloads: readonly WorkloadReport[],
  hosts: readonly HostReport[],
  namespace: string | undefined,
): Table {
  const lost = new Set(hosts.filter(({ lease }) => lease.state === 'lapsed').map(({ name }) => name));
  return {
    head: ['WORKLOAD', 'NAMESPACE', 'HOST', 'IDENTITY', 'PORTS', 'SERVES', 'HEALTH', 'POLICY'],
    rows: workloads.map(workload => [
      workload.name,
      workload.namespace,
      workload.host,
      `${workload.namespace}/${workload.serviceAccount}`,
      workload.ports.map(({ number }) => number).join(' '),
      workload.serves.join(' '),
      // What it said last of its health is old.
      lost.has(workload.host) ? 'host lost' : workload.health,
      isInForce(workload) ? 'in force' : 'not yet in force',
    ]),
    empty:
      namespace === undefined
        ? 'No host has reported a workload. Try: isthmus hosts'
        : `No host has reported a workload in the namespace "${namespace}". Try: isthmus workloads`,
  };
}

function isInForce({ policy }: WorkloadReport): boolean {
  return policy.wanted === policy.inForce;
}

/** What the hosts of workloads whose policy is not in force say of them, and where to look. */
function waiting(workloads: readonly WorkloadReport[], hosts: readonly HostReport[]): string {
  const late = workloads.filter(workload => !isInForce(workload));
  const said = late.flatMap(({ uid, host: name }) => {
    const rejections = hosts.find(host => host.name === name)?.rejections ?? [];
    const own = rejections.filter(({ origins }) => origins.includes(`workload ${uid}`));
    return own.map(({ resource, reason }) => `${uid}: ${resource}: ${reason}\n`);
  });
  const places = [...new Set(late.map(({ host }) => host))];
  return [...said, ...(places.length === 0 ? [] : [`Try: on ${namesText(places)}: isthmus agent status\n`])].join('');
}
