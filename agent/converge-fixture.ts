import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { loadWire } from '../manager/model/proto/wire.ts';
import { silentLogger } from '../manager/model/util/log.ts';
import { Wake } from '../manager/model/util/wake.ts';
import { type LocalWorkload, namespaceIdOf } from '../platforms/platform.ts';
import { makeFolder } from '../test/folders.ts';
import { freePort } from '../test/ports.ts';
import { host, input, policyOf, TRUST_DOMAIN, workload } from './compile/fixtures.ts';
import { TYPE } from './compile/resource.ts';
import { Converge, type ConvergeOptions } from './converge.ts';
import type { FakeEnvoy, Received } from './envoy/ads/fake-envoy.ts';
import { table } from './envoy/ads/fixtures.ts';
import type { AdsServer } from './envoy/ads/server.ts';
import { Knowledge } from './knowledge.ts';
import { Holdings } from './manager/holdings.ts';
import { ASKED_PORTS } from './redirect/spec.ts';
import { Accounts } from './state/accounts.ts';
import { Callers } from './state/callers.ts';
import { OutboundPorts } from './state/outbound-ports.ts';

const HOST = host('a', '192.0.2.1');

/** A workload that is a user of the host. */
export function userOf(name: string, uid: number): LocalWorkload {
  return workload(HOST, name, [], { selector: { kind: 'user', uid } }).local;
}

/** A workload with a network namespace. @param path leads to it; one of the namespaces of this process will do. */
export function podOf(name: string, path = '/proc/self/ns/net'): LocalWorkload {
  const id = namespaceIdOf(statSync(path));
  return workload(HOST, name, [], { selector: { kind: 'namespace', path, id } }).local;
}

/** What stands beside, as the test has it. */
interface Beside {
  /** Identities that have no certificate. */
  readonly uncertified: Set<string>;
  /** Listeners that Envoy refuses. */
  readonly refused: Set<string>;
  /** What the process of Envoy is like; `fails` is why none can be started. */
  readonly proxy: { confined: string | undefined; fresh: boolean; mayBeOld: boolean; fails: string | undefined };
  /** Why no rules can be set. */
  readonly rules: { fails: string | undefined };
  /** Whether what the Manager said is here as a whole. */
  readonly gap: { open: boolean };
}

/** A host but for its kernel, which notes who is captured, and for Envoy, which takes what it is sent over the real wire. */
export interface World extends Beside {
  readonly converge: Converge;
  readonly ports: OutboundPorts;
  /** Where Envoy finds network namespaces. */
  readonly namespaces: string;
  /** In order: `envoy +<listener>`, `envoy -<listener>`, `envoy !<listener>` for one that was refused, `rules <workloads>`, and `in force`. */
  readonly events: string[];
  /** The listeners of each config that Envoy was given, and the links to network namespaces that were there. */
  readonly configs: { readonly listeners: readonly string[]; readonly links: readonly string[] }[];
  /** Resolves once this has come to pass. */
  readonly until: (event: string) => Promise<void>;
}

/** @param named workloads whose policies have come. */
export async function world(t: ExecutionContext, ...named: readonly LocalWorkload[]): Promise<World> {
  const stop = new AbortController();
  const folder = makeFolder('converge');
  const namespaces = join(folder, 'namespaces');
  const beside = wellBeside();
  const { events, note, until } = diary();
  const configs: World['configs'] = [];
  const served = await table({
    onMended: () => converge.mended(),
    onListenerRefused: name => converge.refused(name),
    retryMs: 100,
  });
  const first = await freePort();
  const ports = new OutboundPorts({}, first, first + 100);
  const converge: Converge = new Converge({
    agent: { envoy: { uid: 1337 }, host: HOST },
    knowledge: knowledgeOf(named),
    gaps: { open: () => beside.gap.open },
    ads: watched(served.server, namespaces, configs),
    settings: { ...input(HOST, [], []).settings, namespaces },
    certificates: certificatesBut(beside.uncertified),
    ports,
    callers: new Callers([], 60_000),
    accounts: new Accounts(),
    proxy: Object.assign(beside.proxy, { status: () => undefined, ensure: async () => failOf(beside.proxy) }),
    redirect: {
      async apply({ host: { users }, namespaces: entered }) {
        failOf(beside.rules);
        const places = [...users.map(({ uid }) => uid), ...entered.map(({ id }) => id)];
        note(['rules', ...places.map(place => nameAt(named, place))].join(' '));
        return [];
      },
    },
    names: () => ({ dnsServers: [], askedPorts: ASKED_PORTS }),
    onMembers: () => undefined,
    onPorts: () => undefined,
    onCallers: () => undefined,
    onAccounts: () => undefined,
    onInForce: () => note('in force'),
    logger: silentLogger,
    signal: stop.signal,
  });
  void obey(served.envoy(), beside.refused, note);
  t.teardown(async () => {
    stop.abort();
    await converge.ended();
    await served[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  return { ...beside, converge, ports, namespaces, events, configs, until };
}

function wellBeside(): Beside {
  return {
    uncertified: new Set(),
    refused: new Set(),
    proxy: { confined: undefined, fresh: true, mayBeOld: false, fails: undefined },
    rules: { fails: undefined },
    gap: { open: false },
  };
}

function diary(): Pick<World, 'events' | 'until'> & { readonly note: (event: string) => void } {
  const late = AbortSignal.timeout(20_000);
  const news = new Wake(late);
  const events: string[] = [];
  return {
    events,
    note(event) {
      events.push(event);
      news.call();
    },
    async until(wanted) {
      for (; !events.includes(wanted); await news.wait())
        if (late.aborted) throw new Error(`no "${wanted}", but ${events.join(', ')}`);
    },
  };
}

/** The name of the workload that is a user, or has a network namespace. */
function nameAt(workloads: readonly LocalWorkload[], place: number | string): string | undefined {
  const found = workloads.find(({ selector }) => Object.values(selector).includes(place));
  return found?.workload.name;
}

function certificatesBut(uncertified: ReadonlySet<string>): ConvergeOptions['certificates'] {
  return {
    want: () => Promise.resolve(),
    has: identity => !uncertified.has(identity),
    reason: identity => (uncertified.has(identity) ? 'nobody signs' : undefined),
  };
}

/** The server, with a note of what it is given. */
function watched(server: AdsServer, namespaces: string, configs: World['configs']): ConvergeOptions['ads'] {
  return {
    expect: () => server.expect(),
    applied: until => server.applied(until),
    status: () => server.status(),
    update(resources) {
      const listeners = resources.filter(({ typeUrl }) => typeUrl === TYPE.listener).map(({ name }) => name);
      configs.push({
        listeners,
        links: statSync(namespaces, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(namespaces) : [],
      });
      server.update(resources);
    },
  };
}

function failOf({ fails }: { readonly fails: string | undefined }): void {
  if (fails !== undefined) throw new Error(fails);
}

function knowledgeOf(named: readonly LocalWorkload[]): Knowledge {
  const wire = loadWire();
  const holdings = new Holdings(wire);
  const resources = named.map(({ workload: { uid } }) => ({
    name: uid,
    version: '1',
    body: wire.encode('WorkloadPolicy', policyOf(uid)),
  }));
  holdings.apply('WorkloadPolicy', { resources, removed: [] });
  return new Knowledge(
    holdings,
    { host: 'a', trustDomain: TRUST_DOMAIN, managers: ['m:1'], key: '', chain: '', roots: 'joined' },
    { addresses: () => undefined, want: () => undefined },
  );
}

/** Takes all that it is sent, until the server is gone; but for what it refuses. */
async function obey(envoy: FakeEnvoy, refused: ReadonlySet<string>, note: (event: string) => void): Promise<void> {
  for (const type of [TYPE.cluster, TYPE.endpoints, TYPE.listener, TYPE.routes]) envoy.subscribe(type);
  const received = (): Promise<Received | undefined> => envoy.next().catch(() => undefined);
  for (let next = await received(); next; next = await received()) {
    const names = Object.keys(next.versions);
    const isRefused = names.some(name => refused.has(name));
    if (isRefused) envoy.refuse(next, 'it cannot listen there');
    else envoy.accept(next);
    if (next.typeUrl !== TYPE.listener) continue;
    for (const name of names) note(`envoy ${isRefused ? '!' : '+'}${name}`);
    for (const name of next.removed) note(`envoy -${name}`);
  }
}
