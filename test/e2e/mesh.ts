import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ServiceReport } from '../../manager/api/inspect.ts';
import { folderFlags, type Host } from '../hosts/host.ts';
import { createNetwork, type Network, type NetworkOptions } from '../hosts/network.ts';
import type { Exit, Running } from '../hosts/process.ts';

const ISTHMUS = new URL('../../packaging/bin/isthmus', import.meta.url).pathname;
const STEP_MS = 60_000;

/** A workload file of `workloads.d`. */
export interface WorkloadFile {
  readonly name: string;
  readonly selector: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** A host with its agent. */
export interface MeshHost {
  readonly host: Host;
  /** The agent that runs now. */
  readonly agent: () => Running;
  /** Starts the agent (again). @param by a command that runs it, such as `setpriv …`. */
  startAgent(by?: readonly string[]): Promise<void>;
  /** Makes a program a workload, or changes it. */
  workload(file: WorkloadFile): Promise<void>;
  removeWorkload(name: string): Promise<void>;
  /** Runs `isthmus …` on this host. */
  isthmus(...words: string[]): Promise<Exit>;
  status(): Promise<AgentStatusJson>;
}

/** The parts of `GET /status` that tests read. */
export interface AgentStatusJson {
  readonly pid: number;
  readonly envoy: { readonly pid: number; readonly connected: boolean; readonly restarts: number };
  readonly manager: { readonly connected: boolean; readonly reason?: string };
  readonly workloads: readonly {
    readonly uid: string;
    readonly identity: string;
    readonly state: string;
    readonly outboundPort: number;
    readonly policyRevision?: string;
  }[];
  readonly services: readonly string[];
  readonly redirect: { readonly active: boolean; readonly reason?: string };
  readonly problems: readonly { readonly where: string; readonly why: string }[];
  readonly rejections: readonly {
    readonly resource: string;
    readonly reason: string;
    readonly origins: readonly string[];
  }[];
}

/** A whole mesh on this machine: a Manager on a host of its own, and hosts with agents. Disposing removes every trace. */
export class Mesh implements AsyncDisposable {
  readonly network: Network;
  readonly control: Host;
  #manager: Running | undefined;

  private constructor(network: Network, control: Host) {
    this.network = network;
    this.control = control;
  }

  /** Makes the network and the control host; the Manager is not started yet. @param prefix names the test. */
  static async create(prefix: string, options: Omit<NetworkOptions, 'prefix'> = {}): Promise<Mesh> {
    const network = await createNetwork({ prefix, ...options });
    return new Mesh(network, await network.host('control'));
  }

  get manager(): Running {
    return this.#manager!;
  }

  /** Starts the Manager (again). @param config of manager.yaml; as it was when absent. */
  async startManager(config?: Readonly<Record<string, unknown>>): Promise<void> {
    if (config) await writeFile(join(this.control.configDir, 'manager.yaml'), stringify(config));
    this.#manager = this.control.spawn([ISTHMUS, 'manager', ...folderFlags(this.control)]);
    await this.#manager.line(/Manager is ready/, STEP_MS);
  }

  /** Adds a host, has it join, and starts its agent. */
  async host(name: string, workloads: readonly WorkloadFile[] = [], identities?: readonly string[]): Promise<MeshHost> {
    return this.joinHost(await this.network.host(name), workloads, identities);
  }

  /** Has a host join, and starts its agent. */
  async joinHost(
    host: Host,
    workloads: readonly WorkloadFile[] = [],
    identities: readonly string[] = ['default/*'],
  ): Promise<MeshHost> {
    const { name } = host;
    await mkdir(join(host.configDir, 'workloads.d'), { recursive: true });
    const file = (workload: string): string => join(host.configDir, 'workloads.d', `${workload}.yaml`);
    for (const workload of workloads) await writeFile(file(workload.name), stringify(workload));
    const grants = identities.flatMap(identity => ['--identity', identity]);
    const { token } = JSON.parse(
      await this.isthmus('token', 'create', '--host', name, ...grants, '--output', 'json'),
    ) as { token: string };
    const flags = ['--host', name, '--address', host.address, ...folderFlags(host)];
    const manager = isIPv6(this.control.address) ? `[${this.control.address}]:15012` : `${this.control.address}:15012`;
    await host.run([ISTHMUS, 'join', manager, '--token', token, ...flags], {
      timeoutMs: STEP_MS,
    });
    let agent: Running | undefined;
    const isthmus = (...words: string[]): Promise<Exit> =>
      host.exec([ISTHMUS, ...words, ...folderFlags(host)], { timeoutMs: STEP_MS });
    const mesh: MeshHost = {
      host,
      agent: () => agent!,
      async startAgent(by = []) {
        agent = host.spawn([...by, ISTHMUS, 'agent', ...folderFlags(host)]);
        await agent.line(/agent is running/, STEP_MS);
      },
      workload: workload => writeFile(file(workload.name), stringify(workload)),
      removeWorkload: workload => rm(file(workload)),
      isthmus,
      status: () => agentStatus(host),
    };
    await mesh.startAgent();
    return mesh;
  }

  /** Runs `isthmus …` on the control host. @returns what it printed. @throws when it fails. */
  isthmus(...words: string[]): Promise<string> {
    return this.control.run([ISTHMUS, ...words, '--run-dir', this.control.runDir], { timeoutMs: STEP_MS });
  }

  /** Applies config objects. */
  async apply(...objects: readonly unknown[]): Promise<void> {
    const input = objects.map(object => `---\n${stringify(object)}`).join('');
    await this.control.run([ISTHMUS, 'apply', '-f', '-', '--run-dir', this.control.runDir], {
      input,
      timeoutMs: STEP_MS,
    });
  }

  async services(): Promise<readonly ServiceReport[]> {
    const found = JSON.parse(await this.isthmus('services', '--output', 'json')) as
      | { items: ServiceReport[] }
      | ServiceReport[];
    return Array.isArray(found) ? found : found.items;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network[Symbol.asyncDispose]();
  }
}

async function agentStatus(host: Host): Promise<AgentStatusJson> {
  return JSON.parse(
    await host.run([
      'curl',
      '-sS',
      '--max-time',
      '5',
      '--unix-socket',
      join(host.runDir, 'agent.sock'),
      'http://agent/status',
    ]),
  );
}
