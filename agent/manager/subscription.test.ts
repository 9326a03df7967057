import { EventEmitter } from 'node:events';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import test from 'ava';
import type { DeltaRequest, DeltaResponse } from '../../manager/model/proto/messages.ts';
import { loadWire, RESOURCE_TYPES, type ResourceType } from '../../manager/model/proto/wire.ts';
import { Holdings } from './holdings.ts';
import { Subscription, type Wanted } from './subscription.ts';

const wire = loadWire();

/** A Manager that is written to, and says what it is told to. */
class Line extends EventEmitter {
  readonly writable = true;
  readonly said: DeltaRequest[] = [];

  write(request: DeltaRequest): void {
    this.said.push(request);
  }

  sends(type: ResourceType, ...names: string[]): void {
    const body = (hostname: string): Uint8Array =>
      type === 'ServiceName'
        ? wire.encode('ServiceName', {
            hostname,
            name: hostname,
            namespace: 'x',
            aliases: [],
            ports: [],
            virtualIps: [],
          })
        : wire.encode('InstanceList', { hostname, instances: [] });
    const resources = names.map(name => ({ name, version: '1', body: body(name) }));
    this.emit('data', { type, nonce: 'n', resources, removed: [] } satisfies DeltaResponse);
  }

  removes(type: ResourceType, ...removed: string[]): void {
    this.emit('data', { type, nonce: 'n', resources: [], removed } satisfies DeltaResponse);
  }
}

test('what is not wanted any more, and was on its way, is acknowledged and not held', t => {
  const holdings = new Holdings(wire);
  const line = new Line();
  const none = new Set<string>();
  const wanted: Wanted = {
    MeshSettings: none,
    ServiceName: new Set(['*']),
    ServiceView: none,
    InstanceList: new Set(['a', 'b']),
    WorkloadPolicy: none,
  };
  const changed: string[] = [];
  const stream = line as unknown as ClientDuplexStream<DeltaRequest, DeltaResponse>;
  const subscription = new Subscription(stream, {
    holdings,
    wanted,
    onChange: (_, names) => changed.push(...names),
    keeps: () => false,
    onRefused: (_, name) => t.fail(name),
  });
  (wanted.InstanceList as Set<string>).delete('b');
  subscription.change('InstanceList', [], ['b']);
  line.sends('InstanceList', 'a', 'b');
  line.sends('ServiceName', 'c');
  t.deepEqual(changed, ['a', 'c']);
  t.deepEqual(Object.keys(holdings.versions('InstanceList')), ['a']);
  t.is(line.said.at(-1)?.nonce, 'n');
});

test('what the Manager does not have any more goes, but for what is to stay', t => {
  const holdings = new Holdings(wire);
  const line = new Line();
  const wanted = Object.fromEntries(RESOURCE_TYPES.map(type => [type, new Set(['*'])])) as unknown as Wanted;
  const changed: string[] = [];
  new Subscription(line as unknown as ClientDuplexStream<DeltaRequest, DeltaResponse>, {
    holdings,
    wanted,
    onChange: (_, names) => changed.push(...names),
    keeps: (type, name) => type === 'InstanceList' && name === 'a',
    onRefused: (_, name) => t.fail(name),
  });
  for (const type of ['InstanceList', 'ServiceName'] as const) line.sends(type, 'a', 'b');
  changed.length = 0;
  for (const type of ['InstanceList', 'ServiceName'] as const) line.removes(type, 'a', 'b');
  t.deepEqual(changed, ['b', 'a', 'b']);
  t.deepEqual(Object.keys(holdings.versions('InstanceList')), ['a']);
  t.is(line.said.at(-1)?.nonce, 'n');
});
