import { NOBODY } from '../../agent/capture-reasons.ts';
import type { AgentStatus } from '../../agent/status/status.ts';
import { parseSpiffeId } from '../../auth/identity.ts';
import { type Command, type CommandArguments, type CommandContext, EXIT } from '../../manager/cli/command.ts';
import { rejectionText } from '../../manager/cli/hosts.ts';
import { TIMED_OUTPUT_OPTION } from '../../manager/cli/options.ts';
import { ago, count, listText, print, tableText } from '../../manager/cli/output.ts';
import { DIR_OPTIONS, dirsOf } from '../paths.ts';
import { askAgent, noAgent } from './ask-agent.ts';

const { 'run-dir': runDir } = DIR_OPTIONS;

/** Shows what the agent of this host knows, also where a Manager runs beside it. */
export const agentStatusCommand: Command = {
  name: 'agent status',
  summary: 'Show this host: its workloads, what each waits for, and everything that is wrong',
  usage: 'isthmus agent status [--check] [-o table|json|yaml]',
  examples: [
    { command: 'isthmus agent status', says: 'which workloads are in the mesh, and why others are not' },
    { command: 'isthmus agent status --check', says: 'for monitoring: exit code 1 when anything is wrong' },
  ],
  options: {
    check: { type: 'boolean', summary: 'exit code 1 when anything is wrong: whatever stands under "Wrong"' },
    ...TIMED_OUTPUT_OPTION,
    ...(runDir && { 'run-dir': runDir }),
  },
  async run({ values }, context) {
    const status = await askAgent(dirsOf(values).runDir, context.signal);
    if (status === undefined) throw await noAgent(dirsOf(values).runDir);
    return showHost(status, values, context);
  },
};

/** Prints it as the options say. @returns the exit code. */
export function showHost(status: AgentStatus, values: CommandArguments['values'], context: CommandContext): number {
  const wrong = wrongLines(status);
  print(context, values, status, () => hostText(context, status, wrong));
  return values['check'] === true && wrong.length > 0 ? EXIT.failed : EXIT.ok;
}

function wrongLines({ manager, envoy, workloads, redirect, rejections, problems }: AgentStatus): string[] {
  return [
    ...(manager.connected ? [] : [`The Manager is ${connectionText(manager)}`]),
    ...(envoy.connected ? [] : ['Envoy is not connected']),
    ...(envoy.reason === undefined ? [] : [`Envoy ${envoy.reason}`]),
    ...(redirect.reason === undefined || lacksWorkloads(redirect) ? [] : [`Capture is ${captureText(redirect)}`]),
    ...rejections.map(rejectionText),
    ...workloads.flatMap(({ uid, state, certificateReason: why }) => {
      if (why !== undefined) return `certificate of ${uid}: ${why}`;
      return state === 'joined' ? [] : `${uid} is ${state}`;
    }),
    ...problems.map(({ where, why }) => `${where}: ${why}`),
  ];
}

/** With nobody to capture for, nothing is wrong with capture; workloads that have not joined yet are told of one by one. */
function lacksWorkloads({ active, reason = NOBODY }: AgentStatus['redirect']): boolean {
  return !active && reason === NOBODY;
}

function hostText(context: CommandContext, status: AgentStatus, wrong: readonly string[]): string {
  const { host, version, startedAt, manager, envoy, workloads, services, redirect } = status;
  const heard = manager.lastHeard === undefined ? '' : `, last heard ${ago(manager.lastHeard)} ago`;
  return [
    `Host       ${host}, agent ${version}, up for ${ago(startedAt)}\n`,
    `Manager    ${manager.address}, ${connectionText(manager)}${heard}\n`,
    `Envoy      ${envoyText(envoy)}\n`,
    `Capture    ${captureText(redirect)}\n`,
    `Services   ${services.length} in use here\n\n`,
    tableText(context, {
      head: ['WORKLOAD', 'STATE', 'CERTIFICATE ENDS', 'IDENTITY'],
      rows: workloads.map(({ uid, state, certificateExpires, identity }) => [
        uid,
        state,
        certificateExpires === undefined ? '' : `${new Date(certificateExpires).toISOString().slice(0, 16)}Z`,
        accountOf(identity),
      ]),
      empty: 'No workload is named; write one into /etc/isthmus/workloads.d (README.md shows how)',
    }),
    listText('Wrong', wrong),
    ...nextSteps(status).map(line => `Try: ${line}\n`),
  ].join('');
}

function envoyText({ version, connected, pid, restarts }: AgentStatus['envoy']): string {
  const state = connected ? 'connected' : 'not connected';
  return `${version}, ${state}, pid ${pid ?? 'none'}, ${count(restarts, 'restart')}`;
}

function connectionText({ connected, reason = 'no reason is known' }: AgentStatus['manager']): string {
  return connected ? 'connected' : `not connected: ${reason}`;
}

function captureText({ active, reason }: AgentStatus['redirect']): string {
  if (!active) return `not in force: ${reason ?? 'no workload has joined'}`;
  return reason === undefined ? 'in force' : `in force as before, what is new is not: ${reason}`;
}

/** What to do about workloads that wait. */
function nextSteps({ host, manager, workloads }: AgentStatus): string[] {
  const waiting = workloads.filter(({ state }) => state !== 'joined');
  if (!manager.connected) return [`on the Manager, ${manager.address}: isthmus status`];
  const steps: string[] = [];
  // Other refusals of the Manager say themselves what to do.
  if (waiting.some(({ certificateReason }) => certificateReason?.includes('join token'))) {
    const grants = new Set(workloads.map(({ identity }) => ` --identity ${accountOf(identity)}`));
    steps.push(`on the Manager: isthmus token create --host ${host}${[...grants].join('')}`);
    steps.push(`then here: isthmus join ${manager.address} --token <token>, and start the agent again`);
  } else if (waiting.some(({ certificateReason }) => certificateReason === undefined))
    steps.push('on the Manager: isthmus hosts');
  return steps;
}

/** `<namespace>/<service account>`; the trust domain is that of the whole mesh. */
function accountOf(identity: string): string {
  const parts = parseSpiffeId(identity);
  return parts === undefined ? identity : `${parts.namespace}/${parts.serviceAccount}`;
}
