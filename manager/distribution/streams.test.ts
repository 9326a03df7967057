import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import test from 'ava';
import { member } from '../hosts/fixtures.ts';
import { type DeltaRequest, type DeltaResponse, NO_REQUEST } from '../model/proto/messages.ts';
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
