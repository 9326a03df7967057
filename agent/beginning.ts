import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadWire, type Wire } from '../manager/model/proto/wire.ts';
import type { Logger } from '../manager/model/util/log.ts';
import type { HostSettings } from './compile/input.ts';
import { type EnvoyPaths, envoyPaths } from './envoy/paths.ts';
import { hostSettings } from './host-settings.ts';
import { Holdings } from './manager/holdings.ts';
import type { AgentOptions } from './options.ts';
import { type Accounts, loadAccounts } from './state/accounts.ts';
import { type Callers, loadCallers } from './state/callers.ts';
import type { OutboundPorts } from './state/outbound-ports.ts';
import { loadPorts } from './state/remembered-ports.ts';
import { Snapshot } from './state/snapshot.ts';

/** What an agent begins with. */
export interface Beginning {
  readonly options: AgentOptions;
  /** Of the host's Envoy. */
  readonly paths: EnvoyPaths;
  /** Found out on this host. */
  readonly settings: HostSettings;
  readonly wire: Wire;
  /** What the Manager said, with what lies on disk of it. */
  readonly holdings: Holdings;
  readonly snapshot: Snapshot;
  readonly ports: OutboundPorts;
  readonly callers: Callers;
  readonly accounts: Accounts;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Makes the folders and reads what lies on disk. @throws when a folder cannot be written. */
export async function loadBeginning(options: AgentOptions, logger: Logger, signal: AbortSignal): Promise<Beginning> {
  const { stateDir, runDir } = options;
  await mkdir(ownFolder(stateDir), { recursive: true, mode: 0o700 });
  await mkdir(runDir, { recursive: true, mode: 0o755 });
  const wire = loadWire();
  const holdings = new Holdings(wire);
  const snapshot = new Snapshot(stateDir, holdings, logger);
  await snapshot.load();
  const ports = await loadPorts(stateDir, logger);
  const callers = await loadCallers(stateDir, options.envoy.drainSeconds, logger);
  const accounts = await loadAccounts(stateDir, logger);
  const paths = envoyPaths(runDir, join(ownFolder(stateDir), 'log'));
  const settings = await hostSettings(runDir, paths);
  return { options, paths, settings, wire, holdings, snapshot, ports, callers, accounts, logger, signal };
}

/** Where the agent keeps what it needs in its next life. */
export function ownFolder(stateDir: string): string {
  return join(stateDir, 'agent');
}
