import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { askStatus } from '../../agent/status/client.ts';
import type { AgentStatus } from '../../agent/status/status.ts';
import { type Command, type CommandContext, EXIT } from '../../manager/cli/command.ts';
import { ago, print, tableText } from '../../manager/cli/output.ts';
import { statusCommand as meshStatusCommand } from '../../manager/cli/status.ts';

const LIMIT_MS = 10_000;

/** Shows the mesh where a Manager can be asked; on a host without one, what its agent knows. */
export const statusCommand: Command = {
  ...meshStatusCommand,
  summary: 'Show the mesh, or on a host without a Manager this host, and everything that is wrong',
  async run(args, context) {
    const { values } = args;
    const [runDir, socket] = [String(values['run-dir']), join(String(values['run-dir']), 'agent.sock')];
    if (values['manager'] !== undefined || existsSync(join(runDir, 'manager.sock')) || !existsSync(socket))
      return await meshStatusCommand.run(args, context);
    const status = await askStatus(socket, AbortSignal.any([context.signal, AbortSignal.timeout(LIMIT_MS)]));
    if (status === undefined) return await meshStatusCommand.run(args, context);
    print(context, values, status, () => hostText(context, status));
    return values['check'] === true && !isWell(status) ? EXIT.failed : EXIT.ok;
  },
};

function isWell({ manager, envoy, workloads, redirect, rejections, problems }: AgentStatus): boolean {
  const joined = workloads.every(({ state }) => state === 'joined');
  return manager.connected && envoy.connected && joined && redirect.active && rejections.length + problems.length === 0;
}

function hostText(context: CommandContext, status: AgentStatus): string {
  const { host, version, startedAt, manager, envoy, workloads, services, redirect, rejections, problems } = status;
  const heard = manager.lastHeard === undefined ? '' : `, last heard ${ago(manager.lastHeard)} ago`;
  const wrong = [
    ...rejections.map(({ origins, resource, reason }) => `${origins.join(', ') || resource}: ${reason}`),
    ...problems.map(({ where, why }) => `${where}: ${why}`),
  ];
  return [
    `Host       ${host}, agent ${version}, up for ${ago(startedAt)}\n`,
    `Manager    ${manager.address}, ${manager.connected ? 'connected' : `not connected: ${manager.reason ?? 'no reason is known'}`}${heard}\n`,
    `Envoy      ${envoy.version}, ${envoy.connected ? 'connected' : 'not connected'}, pid ${envoy.pid ?? 'none'}, ${envoy.restarts} restarts\n`,
    `Capture    ${redirect.active ? 'in force' : `not in force: ${redirect.reason ?? 'no workload has joined'}`}\n`,
    `Services   ${services.length} in use here\n\n`,
    tableText(context, {
      head: ['WORKLOAD', 'STATE', 'CERTIFICATE ENDS', 'IDENTITY'],
      rows: workloads.map(({ uid, state, certificateExpires, identity }) => [
        uid,
        state,
        certificateExpires === undefined ? '' : new Date(certificateExpires).toISOString().slice(0, 16),
        identity,
      ]),
      empty: 'No workload is named; write one into workloads.d',
    }),
    ...(wrong.length === 0 ? [] : [`\nWrong:\n${wrong.map(line => `  ${line}\n`).join('')}`]),
  ].join('');
}
