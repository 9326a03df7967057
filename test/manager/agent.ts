import type { ExecutionContext } from 'ava';
import type { HostIdentity } from '../../agent/keys/host-identity.ts';
import { Holdings } from '../../agent/manager/holdings.ts';
import { join } from '../../agent/manager/join.ts';
import { type LinkStatus, ManagerLink } from '../../agent/manager/link.ts';
import type { HostFacts } from '../../agent/manager/reporting.ts';
import type { HostReportAck, ReportedWorkload } from '../../manager/model/proto/messages.ts';
import { loadWire, MESH_SETTINGS_NAME, type ResourceType } from '../../manager/model/proto/wire.ts';
import { silentLogger } from '../../manager/model/util/log.ts';

const wire = loadWire();
const LIMIT_MS = 20_000;

/** The half of an agent that speaks to the Manager, over real TLS; what the host is made of is the test's to say. */
export interface TestAgent {
  readonly link: ManagerLink;
  readonly holdings: Holdings;
  /** Everything that came, by type and name, in its order: `ServiceView reviews.default.mesh`; a `-` in front: it went. */
  readonly came: readonly string[];
  facts: HostFacts;
  status(): LinkStatus;
  /** How often it came to an understanding with a Manager. */
  sessions(): number;
  /** How often it lost the Manager, or did not reach it. */
  breaks(): number;
  /** The last acknowledgement of a report. */
  ack(): HostReportAck | undefined;
  /** Resolves once something holds; looks again whenever anything happens on the line. @throws after 20 s, naming it. */
  until(what: string, holds: () => boolean): Promise<void>;
  /** Ends it, as if its process had gone. */
  stop(): Promise<void>;
}

export interface AgentSetting {
  readonly host?: string;
  /** Where the host says that it is. */
  readonly address?: string;
  readonly workloads?: HostFacts['workloads'];
  /** Services that it uses, as canonical hostnames. */
  readonly uses?: readonly string[];
  /** Why it cannot read a resource, such as one that is newer than it. */
  readonly refuses?: (type: ResourceType, value: unknown) => string | undefined;
  /** What it holds already, from an earlier life. */
  readonly holdings?: Holdings;
}

/** A workload of a host, listening on 9080. */
export function workloadOf(host: string, name: string, more: Partial<ReportedWorkload> = {}): ReportedWorkload {
  return {
    uid: `${host}/default/${name}`,
    name,
    namespace: 'default',
    serviceAccount: name,
    labels: { app: name },
    addresses: [],
    ports: [{ number: 9080, name: 'http', protocol: 'http' }],
    platform: 'linux',
    services: [],
    health: 'healthy',
    policyRevision: '',
    ...more,
  };
}

/** Joins a Manager by token, and does not speak to it again. */
export function joinMesh(manager: { readonly agents: string }, token: string, host = 'a'): Promise<HostIdentity> {
  return join(wire, { managers: [manager.agents], token, host }, AbortSignal.timeout(LIMIT_MS));
}

/** Joins a Manager by token and begins to speak to it. The agent ends with the test. */
export async function startAgent(
  t: ExecutionContext,
  manager: { readonly agents: string },
  token: string,
  setting: AgentSetting = {},
): Promise<TestAgent> {
  const { host = 'a', address = '10.0.0.1' } = setting;
  return speak(t, await joinMesh(manager, token, host), { ...setting, host, address });
}

function readerOf({ refuses }: AgentSetting): Pick<typeof wire, 'decode'> {
  return {
    decode(type, bytes) {
      const value = wire.decode(type, bytes);
      const why = refuses?.(type, value);
      if (why !== undefined) throw new Error(why);
      return value;
    },
  };
}

function factsOf({ host: name, address, workloads }: Named): HostFacts {
  return {
    host: { name, address, tunnelPort: 15_008, network: '', locality: { region: '', zone: '', subzone: '' } },
    workloads,
    status: { rejections: [], startedAt: 1, agentVersion: 'test', envoyVersion: '1.40.0', envoyConnected: true },
  };
}

/** What a host is, with its name and address. */
export type Named = AgentSetting & { readonly host: string; readonly address: string };

function wantedOf({ uses = [] }: AgentSetting): Readonly<Record<ResourceType, readonly string[]>> {
  return {
    MeshSettings: [MESH_SETTINGS_NAME],
    ServiceName: ['*'],
    WorkloadPolicy: ['*'],
    ServiceView: uses,
    InstanceList: uses,
  };
}

/** Those who wait for something that may hold after each event. */
class Waiting {
  readonly #known: () => string;
  readonly #each = new Set<() => void>();

  /** @param known what is known when a deadline is over, for the message. */
  constructor(known: () => string) {
    this.#known = known;
  }

  /** Something happened. */
  look(): void {
    for (const one of this.#each) one();
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = (): void => reject(new Error(`${what}: not within ${LIMIT_MS} ms; ${this.#known()}`));
    const timer = setTimeout(late, LIMIT_MS);
    const one = (): void => void (holds() && resolve());
    this.#each.add(one);
    one();
    await promise.finally(() => {
      clearTimeout(timer);
      this.#each.delete(one);
    });
  }
}

/** Begins to speak to a Manager that it has joined. The agent ends with the test. */
export function speak(t: ExecutionContext, identity: HostIdentity, setting: Named): TestAgent {
  const stop = new AbortController();
  const holdings = setting.holdings ?? new Holdings(readerOf(setting));
  const came: string[] = [];
  const waiting = new Waiting(() => `${JSON.stringify(link.status())}; came: ${came.join(', ')}`);
  const look = (): void => waiting.look();
  let acknowledged: HostReportAck | undefined;
  let sessions = 0;
  let breaks = 0;
  const link = new ManagerLink({
    wire,
    identity,
    holdings,
    wanted: wantedOf(setting),
    facts: () => agent.facts,
    onChange(type: ResourceType, changed) {
      for (const name of changed) came.push(`${holdings.get(type, name) === undefined ? '-' : ''}${type} ${name}`);
      look();
    },
    onConnected() {
      sessions += 1;
      look();
    },
    onDisconnected() {
      breaks += 1;
    },
    onAck(ack) {
      acknowledged = ack;
      look();
    },
    logger: { ...silentLogger, warn: look },
  });
  const running = link.run(stop.signal);
  const agent: TestAgent = {
    link,
    holdings,
    came,
    facts: factsOf(setting),
    status: () => link.status(),
    sessions: () => sessions,
    breaks: () => breaks,
    ack: () => acknowledged,
    until: (what, holds) => waiting.until(what, holds),
    async stop() {
      stop.abort();
      await running;
    },
  };
  t.teardown(() => agent.stop());
  return agent;
}
