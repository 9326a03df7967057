import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Hosts } from '../hosts/hosts.ts';
import { LEASE_MS } from '../hosts/leases.ts';
import type { Member } from '../hosts/members.ts';
import { NOWHERE } from '../model/locality.ts';
import type { Clock } from '../model/util/clock.ts';
import { silentLogger } from '../model/util/log.ts';
import { temporaryStore } from '../store/fixture.ts';
import type { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import { HostMemory } from './hosts.ts';

/** A clock that stands until it is moved. */
class StandingClock implements Clock {
  #now = 1_000_000;
  #sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ until: this.#now + ms, wake: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  /** Moves in small steps, as time does, so that nobody oversleeps. */
  async advance(ms: number): Promise<void> {
    for (const end = this.#now + ms; this.#now < end; ) {
      this.#now = Math.min(end, this.#now + 100);
      const due = this.#sleepers.filter(({ until }) => until <= this.#now);
      this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#now);
      for (const { wake } of due) wake();
      await turn();
    }
  }
}

const MEMBER: Member = { name: 'b', identities: ['*/*'], joinedAt: 0, token: 't' };
const REPORT = {
  sequence: 1,
  host: { name: 'b', address: '10.0.0.2', tunnelPort: 15_008, network: '', locality: NOWHERE },
  workloads: [
    {
      uid: 'b/default/reviews',
      name: 'reviews',
      namespace: 'default',
      serviceAccount: 'reviews',
      labels: {},
      addresses: ['10.0.0.2'],
      ports: [{ number: 9080, name: 'http', protocol: 'http' as const }],
      platform: 'linux',
      services: [],
      health: 'healthy' as const,
      policyRevision: 'r1',
    },
  ],
};

/** One life of a Manager, as far as hosts go. */
function begin(t: ExecutionContext, store: SqliteStore, clock: Clock) {
  const stop = new AbortController();
  const memory = new HostMemory(store, silentLogger);
  const hosts: Hosts = new Hosts(clock, {
    workloadsChanged: host => memory.note(host, hosts.get(host)),
    hostArrived: () => undefined,
  });
  const running = hosts.run(stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
    await memory.flush();
  };
  t.teardown(end);
  return { hosts, memory, end };
}

function setUp(t: ExecutionContext) {
  const { store } = temporaryStore(t, 'hosts');
  return { store, clock: new StandingClock() };
}

const members = { get: (name: string) => (name === 'b' ? MEMBER : undefined) };

test('a host that is heard of in time keeps its lease; one that is not loses it, and its return brings it back', async t => {
  const { store, clock } = setUp(t);
  const { hosts } = begin(t, store, clock);
  hosts.report(MEMBER, REPORT, '10.0.0.2');
  for (let beat = 2; beat < 8; beat += 1) {
    await clock.advance(LEASE_MS - 1000);
    hosts.report(MEMBER, { sequence: beat }, '10.0.0.2');
  }
  t.true(hosts.get('b')?.alive);
  await clock.advance(LEASE_MS + 100);
  t.false(hosts.get('b')?.alive);
  hosts.report(MEMBER, { sequence: 9 }, '10.0.0.2');
  t.true(hosts.get('b')?.alive);
});

test('a restarted Manager knows its hosts, and gives each a full lease to be heard of', async t => {
  const { store, clock } = setUp(t);
  const first = begin(t, store, clock);
  first.hosts.report(MEMBER, REPORT, '10.0.0.2');
  await clock.advance(LEASE_MS - 1000);
  await first.end();
  await clock.advance(60_000);
  const second = begin(t, store, clock);
  await second.memory.restore(second.hosts, members);
  t.is(second.hosts.get('b')?.workloads.get('b/default/reviews')?.policyRevision, 'r1');
  await clock.advance(LEASE_MS - 1000);
  t.true(second.hosts.get('b')?.alive);
  await clock.advance(2000);
  t.false(second.hosts.get('b')?.alive);
});

test('a host that was lost before the restart is still known, and still lost', async t => {
  const { store, clock } = setUp(t);
  const first = begin(t, store, clock);
  first.hosts.report(MEMBER, REPORT, '10.0.0.2');
  await clock.advance(LEASE_MS + 100);
  await first.end();
  const second = begin(t, store, clock);
  await second.memory.restore(second.hosts, members);
  t.false(second.hosts.get('b')?.alive);
  t.true(second.hosts.get('b')?.workloads.has('b/default/reviews'));
});

test('a host that was taken out is not remembered', async t => {
  const { store, clock } = setUp(t);
  const first = begin(t, store, clock);
  first.hosts.report(MEMBER, REPORT, '10.0.0.2');
  await first.end();
  const second = begin(t, store, clock);
  await second.memory.restore(second.hosts, { get: () => undefined });
  t.is(second.hosts.get('b'), undefined);
  await second.end();
  t.is((await store.list('reports/')).entries.length, 0);
});
