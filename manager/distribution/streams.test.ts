import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { member } from '../hosts/fixtures.ts';
import { Hosts } from '../hosts/hosts.ts';
import { NOWHERE } from '../model/locality.ts';
import {
  type DeltaRequest,
  type DeltaResponse,
  type HostReportAck,
  type HostReportMessage,
  NO_REQUEST,
} from '../model/proto/messages.ts';
import { loadWire } from '../model/proto/wire.ts';
import { systemClock } from '../model/util/clock.ts';
import { silentLogger } from '../model/util/log.ts';
import { Publisher } from './publisher.ts';
import type { ResourceSource } from './resources.ts';
import type { AgentServerParts } from './server.ts';
import { HostStreams } from './streams.ts';

const NAME = 'reviews.default.mesh';

/** The far end of a stream of subscriptions, which reads when it is told to. */
class FarEnd extends Duplex {
  readonly got: DeltaResponse[] = [];
  #reads = false;
  #read: () => void = () => undefined;

  constructor() {
    super({ objectMode: true });
  }

  getPeer(): string {
    return '10.0.0.1:40000';
  }

  override _read(): void {}

  override _write(response: DeltaResponse, _: unknown, done: () => void): void {
    this.got.push(response);
    if (this.#reads) done();
    else this.#read = done;
  }

  startReading(): void {
    this.#reads = true;
    this.#read();
  }
}

type Call<Q, A> = ServerDuplexStream<Q, A>;
const POLICY = 'a/default/web';

/** Streams of a Manager at which host `a` is a member, and what opens its two, with what ended each. */
function setUp(t: ExecutionContext) {
  let now = 1_000;
  let wake = (): void => undefined;
  const clock = { now: () => now, sleep: () => new Promise<void>(resolve => (wake = resolve)) };
  const values = {
    InstanceList: { hostname: NAME, instances: [] },
    WorkloadPolicy: { workload: POLICY, revision: '1', authorization: [], peerAuthentication: [], httpPorts: [] },
  };
  const source = { value: (type: keyof typeof values) => values[type], names: () => [] } as unknown as ResourceSource;
  const publisher = new Publisher(source, loadWire(), { now: clock.now });
  const hosts = new Hosts(clock, { workloadsChanged: () => undefined, hostArrived: () => undefined });
  const members = new Map([['a', member('a')]]);
  const parts = { publisher, hosts, members, ready: Promise.resolve(), logger: silentLogger, clock };
  const streams = new HostStreams(parts as unknown as AgentServerParts, error => error as Error);
  const stop = new AbortController();
  const watching = streams.watch(stop.signal);
  t.teardown(async () => {
    stop.abort();
    wake();
    await watching;
  });
  const open = async (kind: 'report' | 'subscribe') => {
    const far = new FarEnd();
    far.startReading();
    const ended: { readonly code: unknown }[] = [];
    far.on('error', error => ended.push(error as Error & { readonly code: unknown }));
    t.teardown(() => far.destroy());
    if (kind === 'report') streams.report(far as unknown as Call<HostReportMessage, HostReportAck>, member('a'));
    else streams.subscribe(far as unknown as Call<DeltaRequest, DeltaResponse>, member('a'));
    await turn();
    const say = async (message: object): Promise<void> => {
      far.push(message);
      await turn();
    };
    return {
      got: far.got as unknown[],
      ended: () => ended.map(({ code }) => code),
      say,
      ask: (more: Partial<DeltaRequest>) => say({ ...NO_REQUEST, type: 'InstanceList', ...more }),
    };
  };
  const pass = async (ms: number): Promise<void> => {
    now += ms;
    wake();
    await turn();
  };
  return { open, pass, streams, members, publisher };
}

const REPORT = {
  sequence: 1,
  host: { name: 'a', address: '10.0.0.1', tunnelPort: 15_008, network: '', locality: NOWHERE },
  workloads: [],
};

test('a host that acknowledges nothing for a minute is cut off; one that has nothing to acknowledge is not', async t => {
  const { open, pass, publisher } = setUp(t);
  const stream = await open('subscribe');
  await pass(120_000);
  await stream.ask({ subscribe: [NAME] });
  await pass(59_999);
  t.deepEqual([stream.ended(), stream.got.length], [[], 1]);
  await stream.ask({ nonce: '1' });
  await pass(60_000);
  t.deepEqual(stream.ended(), []);
  await stream.ask({ subscribe: ['another.default.mesh'] });
  await pass(60_000);
  t.deepEqual(stream.ended(), [4]);
  t.is(publisher.subscriptions('a').size, 0);
});

test('a newer stream of a host takes over; one of another kind does not', async t => {
  const { open } = setUp(t);
  const [report, old] = [await open('report'), await open('subscribe')];
  const young = await open('subscribe');
  await young.ask({ subscribe: [NAME] });
  await old.ask({ subscribe: [NAME] });
  t.deepEqual([report.ended(), old.ended(), young.ended()], [[], [10], []]);
  t.deepEqual([old.got.length, young.got.length], [0, 1]);
});

test('policies are told to a host once it has named its workloads, and it may not ask for many before', async t => {
  const { open } = setUp(t);
  const [report, stream] = [await open('report'), await open('subscribe')];
  await stream.ask({ type: 'WorkloadPolicy', subscribe: [POLICY] });
  await report.say({ ...REPORT, workloads: undefined });
  t.is(stream.got.length, 0);
  await report.say(REPORT);
  t.is(stream.got.length, 1);
  const again = await open('subscribe');
  await again.ask({ type: 'WorkloadPolicy', subscribe: [POLICY] });
  t.is(again.got.length, 1, 'it was told before');

  const other = await setUp(t).open('subscribe');
  for (let asked = 0; asked < 8; asked += 1) await other.ask({ type: 'WorkloadPolicy', subscribe: [POLICY] });
  t.deepEqual(other.ended(), []);
  await other.ask({ type: 'WorkloadPolicy', subscribe: [POLICY] });
  t.deepEqual(other.ended(), ['message-invalid']);
});

test('a host that is dismissed has both its streams ended, and must name its workloads anew', async t => {
  const { open, streams } = setUp(t);
  const [report, stream] = [await open('report'), await open('subscribe')];
  await report.say(REPORT);
  streams.dismiss('b', 'it was another');
  t.deepEqual([report.ended(), stream.ended()], [[], []]);
  streams.dismiss('a', 'removed');
  t.deepEqual([report.ended(), stream.ended()], [['host-unknown'], ['host-unknown']]);
  const next = await open('subscribe');
  await next.ask({ type: 'WorkloadPolicy', subscribe: [POLICY] });
  t.is(next.got.length, 0);
});

test('reports of a host that is no member any more are refused', async t => {
  const { open, members } = setUp(t);
  const report = await open('report');
  await report.say(REPORT);
  t.is(report.got.length, 1);
  members.clear();
  await report.say(REPORT);
  t.deepEqual(report.ended(), ['host-unknown']);
});

test('a host that acknowledges what it does not read is not read either, until it reads', async t => {
  const source = { value: () => ({ hostname: NAME, instances: [] }), names: () => [] } as unknown as ResourceSource;
  const publisher = new Publisher(source, loadWire(), { now: () => 7 });
  const parts = { publisher, ready: Promise.resolve(), logger: silentLogger, clock: systemClock };
  const streams = new HostStreams(parts as unknown as AgentServerParts, error => error as Error);
  const far = new FarEnd();
  streams.subscribe(far as unknown as ServerDuplexStream<DeltaRequest, DeltaResponse>, member('a'));
  await turn();
  const ask = (more: Partial<DeltaRequest>): void => void far.push({ ...NO_REQUEST, type: 'InstanceList', ...more });
  ask({ subscribe: [NAME] });
  for (let nonce = 1; nonce < 100; nonce += 1) ask({ nonce: String(nonce), unsubscribe: [NAME], subscribe: [NAME] });
  for (let turns = 0; turns < 10; turns += 1) await turn();
  t.true(publisher.work.responses < 10, `${publisher.work.responses} responses wait`);
  far.startReading();
  while (far.got.length < 100) await turn();
  t.is(far.got.at(-1)?.nonce, '100');
  far.destroy();
});
