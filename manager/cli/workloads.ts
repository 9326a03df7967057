import type { WorkloadReport } from '../api/inspect.ts';
import { asker, askFor } from './ask.ts';
import { type Command, EXIT } from './command.ts';
import { CONNECTION_OPTIONS, NAMESPACE_OPTION, OUTPUT_OPTION, textOf } from './options.ts';
import { print, type Table } from './output.ts';

/** Shows workloads. */
export const workloadsCommand: Command = {
  name: 'workloads',
  summary: 'Show workloads: host, identity, and whether their policy is in force',
  usage: 'isthmus workloads [-n <namespace>] [-o table|json|yaml]',
  examples: [{ command: 'isthmus workloads -n shop', says: 'what runs in a namespace, and as whom' }],
  options: { ...NAMESPACE_OPTION, ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  async run({ values }, context) {
    const namespace = textOf(values, 'namespace');
    const { items } = await askFor<{ readonly items: readonly WorkloadReport[] }>(asker(values, context), {
      path: '/isthmus/v1/workloads',
    });
    const workloads = items.filter(workload => namespace === undefined || workload.namespace === namespace);
    print(context, values, workloads, () => workloadsTable(workloads));
    return EXIT.ok;
  },
};

function workloadsTable(workloads: readonly WorkloadReport[]): Table {
  return {
    head: ['WORKLOAD', 'NAMESPACE', 'HOST', 'IDENTITY', 'PORTS', 'SERVES', 'HEALTH', 'POLICY'],
    rows: workloads.map(workload => [
      workload.name,
      workload.namespace,
      workload.host,
      workload.identity.replace('spiffe://', ''),
      workload.ports.map(({ number }) => number).join(' '),
      workload.serves.join(' '),
      workload.health,
      workload.policy.wanted === workload.policy.inForce ? 'in force' : 'not yet in force',
    ]),
    empty: 'No host has reported a workload. Try: isthmus hosts',
  };
}
