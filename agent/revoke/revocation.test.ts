import { EventEmitter, once } from 'node:events';
import test from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import type { Admitted } from '../compile/admitted.ts';
import { authorizationPolicy, host, policyOf, port, TRUST_DOMAIN, workload } from '../compile/fixtures.ts';
import { appCluster } from '../compile/names.ts';
import { Revocation } from './revocation.ts';
import type { TcpConnection } from './sockets.ts';

const UID = 'a/default/reviews';
const [TCP, HTTP, FREE] = [7000, 8080, 9000];

/** A host whose connections are a list. `ends` says whether its kernel can end them. */
class FakeHost {
  open: TcpConnection[] = [];
  admitted: Admitted[] = [];
  revision = 'r1';
  ends = true;
  /** How many looks fail yet. */
  fails = 0;
  readonly events = new EventEmitter();
  workloads = [this.#reviews()];
  others: readonly [string, string][] = [];

  #reviews() {
    const ports = [port(TCP, 'tcp'), port(HTTP), port(FREE, 'tcp')];
    const policy = { ...policyOf(UID, [authorizationPolicy('ALLOW', 'web')]), revision: 'r2' };
    return workload(host('a', '10.0.0.1'), 'reviews', ports, { policy });
  }

  /** Somebody was let in. */
  comes(name: string, number: number, from: number, inode = `${from}`): void {
    const ends = { local: `10.0.0.1:${from}`, remote: `10.0.0.1:${number}` };
    const source = `spiffe://${TRUST_DOMAIN}/ns/default/sa/${name}`;
    this.open = [...this.open.filter(({ local }) => local !== ends.local), { ...ends, inode }];
    this.admitted.push({ cluster: appCluster(UID, number), ...ends, source });
  }

  get standing(): number[] {
    return this.open.map(({ local }) => Number(local.split(':')[1]));
  }

  revocation(graceMs: number): Revocation {
    return new Revocation({
      workloads: () => this.workloads,
      inForce: () => new Map([[UID, this.revision], ...this.others]),
      log: { read: async () => this.admitted, bound: async () => void this.events.emit('look') },
      sockets: {
        list: async () => {
          this.events.emit('look');
          this.fails -= 1;
          if (this.fails >= 0) throw new Error('no look');
          return this.open;
        },
        end: async (_, gone) => {
          if (this.ends) this.open = this.open.filter(each => !gone.some(({ inode }) => inode === each.inode));
        },
      },
      namespaces: '/links',
      flushMs: 1,
      graceMs,
      boundMs: 10,
      logger: silentLogger,
    });
  }
}

/** Runs a revocation beside a test. */
async function during(revocation: Revocation, work: () => Promise<void>): Promise<void> {
  const life = new AbortController();
  const running = revocation.run(life.signal);
  try {
    await work();
  } finally {
    life.abort();
    await running;
  }
}

/** Resolves when what the test waits for is so; asks again whenever the revocation looks at something. */
async function until(fake: FakeHost, holds: () => boolean): Promise<void> {
  while (!holds()) await once(fake.events, 'look');
}

test('TCP ends at once, HTTP once its callers had time to move; who is allowed stays', async t => {
  const fake = new FakeHost();
  const names = ['web', 'other'];
  for (const [index, number] of [TCP, HTTP].entries())
    for (const [place, name] of names.entries()) fake.comes(name, number, 100 + 10 * index + place);
  const revocation = fake.revocation(500);
  await during(revocation, async () => {
    fake.revision = 'r2';
    revocation.changed();
    await until(fake, () => fake.standing.join() === '100,110,111');
    await until(fake, () => fake.standing.join() === '100,110');
  });
  t.deepEqual(revocation.problems(), []);
});

test('a policy that is not in force yet ends nothing', async t => {
  const fake = new FakeHost();
  fake.comes('other', TCP, 100);
  const revocation = fake.revocation(10);
  await during(revocation, async () => {
    revocation.changed();
    t.deepEqual(fake.standing, [100]);
    fake.revision = 'r2';
    revocation.changed();
    await until(fake, () => fake.standing.length === 0);
  });
});

test('the last who had the ends of a connection counts', async t => {
  const fake = new FakeHost();
  fake.comes('other', TCP, 100, 'first');
  fake.comes('web', TCP, 100, 'second');
  fake.comes('web', TCP, 101, 'third');
  fake.comes('other', TCP, 101, 'fourth');
  fake.revision = 'r2';
  const revocation = fake.revocation(10);
  await during(revocation, async () => {
    revocation.changed();
    await until(fake, () => fake.standing.join() === '100');
  });
  t.is(fake.open[0]?.inode, 'second');
});

test('where the kernel ends none, it is said', async t => {
  const fake = new FakeHost();
  fake.ends = false;
  fake.comes('other', TCP, 100);
  fake.revision = 'r2';
  const revocation = fake.revocation(10);
  await during(revocation, async () => {
    revocation.changed();
    await until(fake, () => revocation.problems().length > 0);
  });
  t.regex(
    revocation.problems()[0]!.why,
    /^1 connections of spiffe:.*sa\/other to port 7000 .*CONFIG_INET_DIAG_DESTROY/,
  );
});

test('HTTP callers have as long for each change, also for one that comes while they have it for another', async t => {
  const fake = new FakeHost();
  fake.revision = 'r2';
  const revocation = fake.revocation(300);
  const at = (ms: number): Promise<void> => until(fake, () => performance.now() > ms);
  await during(revocation, async () => {
    const first = performance.now();
    revocation.changed();
    await at(first + 150);
    fake.workloads = [...fake.workloads, workload(host('a', '10.0.0.1'), 'more', [], { policy: policyOf('more') })];
    fake.others = [['a/default/more', 'r1']];
    revocation.changed();
    // A request that began late is noted once it is long under way.
    await at(first + 350);
    fake.comes('other', HTTP, 100);
    await until(fake, () => fake.standing.length === 0);
  });
  t.deepEqual(revocation.problems(), []);
});

test('a look that fails is made again, and HTTP callers have as long all the same', async t => {
  const fake = new FakeHost();
  fake.fails = 1;
  fake.revision = 'r2';
  fake.comes('other', TCP, 100);
  fake.comes('other', HTTP, 110);
  const revocation = fake.revocation(500);
  await during(revocation, async () => {
    revocation.changed();
    await until(fake, () => revocation.problems().length > 0);
    await until(fake, () => fake.standing.length < 2);
    t.deepEqual(fake.standing, [110]);
    await until(fake, () => fake.standing.length === 0);
  });
  t.deepEqual(revocation.problems(), []);
});
