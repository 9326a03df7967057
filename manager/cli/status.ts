import { NEW_CA } from '../../auth/ca/renewal.ts';
import type { RegistryReport } from '../api/inspect.ts';
import { CA_WARNING_MS, type MeshStatus } from '../api/mesh-status.ts';
import { describeWarning } from '../config/warning.ts';
import { asker, askFor } from './ask.ts';
import { type Command, type CommandContext, EXIT } from './command.ts';
import { rejectionLines } from './hosts.ts';
import { wayBack } from './hosts-remove.ts';
import { CONNECTION_OPTIONS, TIMED_OUTPUT_OPTION } from './options.ts';
import { ago, alike, count, listText, namesText, print, tableText } from './output.ts';

/** Shows the mesh at a glance. */
export const statusCommand: Command = {
  name: 'status',
  summary: 'Show the mesh at a glance: hosts, registries, and everything that is wrong',
  usage: 'isthmus status [--check] [-o table|json|yaml]',
  examples: [
    { command: 'isthmus status', says: 'what is there and what is wrong' },
    { command: 'isthmus status --check -o json', says: 'for monitoring: exit code 1 when anything is wrong' },
  ],
  options: {
    check: {
      type: 'boolean',
      summary: 'exit code 1 when anything is wrong: whatever stands under "Wrong"',
    },
    ...TIMED_OUTPUT_OPTION,
    ...CONNECTION_OPTIONS,
  },
  async run({ values }, context) {
    const status = await askFor<MeshStatus>(asker(values, context), { path: '/isthmus/v1/status' });
    const wrong = wrongLines(status);
    print(context, values, status, () => statusText(context, status, wrong));
    return values['check'] === true && wrong.length > 0 ? EXIT.failed : EXIT.ok;
  },
};

/** One that is synced is followed as it changes. */
function syncedWhen({ state, lastSynced }: RegistryReport): string {
  if (state === 'synced') return 'now';
  return lastSynced === undefined ? 'never' : `${ago(lastSynced)} ago`;
}

type ListedHost = MeshStatus['hosts'][number];

/** A Manager that starts knows its hosts from its last life, and nothing of their Envoys before they speak. */
function isAwaited({ lease }: ListedHost, { startedAt }: MeshStatus['manager']): boolean {
  return lease.state === 'held' && lease.lastHeard < startedAt;
}

function hostsLine({ manager, workloads, hosts }: MeshStatus): string {
  const held = hosts.filter(({ lease }) => lease.state === 'held').length;
  const awaited = hosts.filter(host => isAwaited(host, manager)).length;
  const rest = awaited === 0 ? '' : `; ${awaited} not heard of yet since this Manager started`;
  return `${held} of ${hosts.length} with ${count(workloads, 'workload')}${rest}`;
}

function statusText(context: CommandContext, status: MeshStatus, wrong: readonly string[]): string {
  const { manager, services, instances, registries, config } = status;
  return [
    `Manager    ${manager.version}, trust domain ${manager.trustDomain}, up for ${ago(manager.startedAt)}\n`,
    `Services   ${services}, with ${count(instances.total, 'instance')}: ${instances.healthy} healthy, ${instances.mesh} behind an agent\n`,
    `Hosts      ${hostsLine(status)}\n`,
    `Config     ${count(config.objects, 'object')}\n\n`,
    tableText(context, {
      head: ['REGISTRY', 'KIND', 'STATE', 'SYNCED', 'SERVICES', 'INSTANCES'],
      rows: registries.map(registry => [
        registry.name,
        registry.kind,
        registry.state,
        syncedWhen(registry),
        String(registry.services),
        String(registry.instances),
      ]),
      right: [4, 5],
      empty: 'No registry is configured',
    }),
    listText('Wrong', wrong),
    listText('Note', noteLines(status)),
  ].join('');
}

function caLines({ caEnds }: MeshStatus['manager']): string[] {
  if (caEnds > Date.now() + CA_WARNING_MS) return [];
  const ended = caEnds <= Date.now();
  const when = new Date(caEnds).toISOString();
  return [`The CA ${ended ? `ended at ${when}: no certificate is given any more` : `ends at ${when}`}; ${NEW_CA}`];
}

/** What has come to pass as it should, or may yet: refusals are counted since the Manager started, and config may come before its service. */
function noteLines({ refusals, config }: MeshStatus): string[] {
  return [
    ...refusals.map(
      ({ reason, count: times, last }) =>
        `The Manager refused ${times}× ${reason}, last ${ago(last.at)} ago to ${last.from}: ${last.why}`,
    ),
    ...config.warnings.filter(({ early }) => early).map(describeWarning),
  ];
}

function wrongLines({ manager, hosts, registries, withheld, rejections, config }: MeshStatus): string[] {
  return [
    ...caLines(manager),
    ...hostLines(hosts, manager),
    ...withheldLines(withheld),
    ...registries
      .filter(({ state }) => state !== 'synced')
      .map(({ name, state, error }) => `Registry ${name} is ${state}${error === undefined ? '' : `: ${error}`}`),
    ...registries.flatMap(({ name, problems }) =>
      problems.map(({ where, why }) => `Registry ${name}: ${where}: ${why}`),
    ),
    ...rejectionLines(rejections),
    ...config.warnings.filter(({ early }) => !early).map(describeWarning),
  ];
}

function hostLines(hosts: MeshStatus['hosts'], manager: MeshStatus['manager']): string[] {
  const said = hosts.flatMap(host => {
    const text = wrongOf(host, manager);
    return text === undefined ? [] : [[host.name, text] as const];
  });
  return alike(said).map(({ names, text }) => `${names.length === 1 ? 'Host' : 'Hosts'} ${namesText(names)}: ${text}`);
}

function withheldLines(withheld: MeshStatus['withheld']): string[] {
  const listed = alike(withheld.map(({ hostname, removedHost }) => [hostname, removedHost]));
  return listed.map(({ names, text: host }) => {
    const be = names.length === 1 ? 'is' : 'are';
    return `${namesText(names)} ${be} listed on host ${host}, which was removed, and ${be} not called there; ${wayBack(host)}`;
  });
}

function wrongOf(host: ListedHost, manager: MeshStatus['manager']): string | undefined {
  const { lease, joinedAt, envoyConnected } = host;
  if (lease.state === 'lapsed')
    return `last heard of ${ago(lease.lastHeard)} ago; instances there are called only where there are no others`;
  if (lease.state === 'none') return `joined ${ago(joinedAt)} ago and never heard of; run there: isthmus agent`;
  return envoyConnected || isAwaited(host, manager) ? undefined : 'no Envoy is connected';
}
