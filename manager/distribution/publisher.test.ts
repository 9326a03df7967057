import test from 'ava';
import { type DeltaRequest, type DeltaResponse, NO_REQUEST } from '../model/proto/messages.ts';
import { loadWire, type ResourceType } from '../model/proto/wire.ts';
import { type HostStream, Publisher } from './publisher.ts';
import type { ResourceSource } from './resources.ts';

const wire = loadWire();
/** A publisher over policies that a test sets: the revision by workload. */
function setUp() {
  const policies = new Map<string, string>();
  const source = {
    value: (type: ResourceType, name: string) => {
      const revision = policies.get(name);
      if (type !== 'WorkloadPolicy' || revision === undefined) return undefined;
      if (revision === 'unfit') return { workload: name, authorization: 'none at all' } as never;
      return { workload: name, revision, authorization: [], peerAuthentication: [], httpPorts: [] };
    },
    names: (_: ResourceType, host: string) => [...policies.keys()].filter(uid => uid.startsWith(`${host}/`)),
  } as ResourceSource;
  const publisher = new Publisher(source, wire, { now: () => 7 });
  const set = (uid: string, revision: string | undefined): void => {
    if (revision === undefined) policies.delete(uid);
    else policies.set(uid, revision);
    publisher.changed([{ type: 'WorkloadPolicy', name: uid }]);
  };
  return { publisher, set };
}

/** A host that notes what it is sent, and acknowledges it when told to. */
function host(publisher: Publisher, name: string, subscribe: readonly string[] = ['*']) {
  const got: string[] = [];
  let last: DeltaResponse | undefined;
  const stream: HostStream = publisher.open(name, response => {
    last = response;
    got.push(...response.resources.map(each => each.name), ...response.removed.map(each => `-${each}`));
  });
  const ask = (more: Partial<DeltaRequest>): void => stream.receive({ ...NO_REQUEST, type: 'WorkloadPolicy', ...more });
  ask({ subscribe });
  return { got, stream, ask, acknowledge: () => ask({ nonce: last!.nonce }) };
}

test('a host is sent the policies of its own workloads and no others', t => {
  const { publisher, set } = setUp();
  set('a/default/web', '1');
  set('b/default/web', '1');
  const [a, b] = [host(publisher, 'a'), host(publisher, 'b')];
  t.deepEqual([a.got, b.got], [['a/default/web'], ['b/default/web']]);
  a.acknowledge();
  set('b/default/web', '2');
  set('a/default/new', '1');
  t.deepEqual(a.got, ['a/default/web', 'a/default/new']);
});

for (const name of ['b/default/web', 'ab/default/web', ''])
  test(`a host may not ask for the policy of "${name}"`, t => {
    const { publisher, set } = setUp();
    set(name, '1');
    const a = host(publisher, 'a');
    t.throws(() => a.ask({ subscribe: [name] }), { code: 'resource-not-allowed' });
    t.deepEqual(a.got, []);
  });

test('a type that there is none of is refused', t => {
  const { publisher } = setUp();
  t.throws(() => host(publisher, 'a').ask({ type: 'Secret' }), { code: 'message-invalid' });
});

test('a newer stream of a host takes the place of the older, which hears nothing any more', t => {
  const { publisher, set } = setUp();
  set('a/default/web', '1');
  const old = host(publisher, 'a');
  old.acknowledge();
  const young = host(publisher, 'a');
  young.acknowledge();
  old.stream.close();
  set('a/default/web', '2');
  t.deepEqual([old.got.length, young.got.length], [1, 2]);
  t.is(publisher.subscriptions('a').get('WorkloadPolicy')?.waitingSince, 7);
});

test('when its last host is gone, nothing is kept of a resource', t => {
  const { publisher, set } = setUp();
  set('a/default/web', '1');
  const a = host(publisher, 'a', ['a/default/web']);
  a.acknowledge();
  t.is(publisher.work.cached, 1);
  a.stream.close();
  t.is(publisher.work.cached, 0);
  t.is(publisher.subscriptions('a').size, 0);
  set('a/default/web', '2');
  t.is(a.got.length, 1);
});

test('nothing is kept of what is not there, whatever a host says that it holds', t => {
  const { publisher, set } = setUp();
  const stream = publisher.open('a', () => undefined);
  const initialVersions = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`a/default/w${index}`, '1']));
  stream.receive({ ...NO_REQUEST, type: 'WorkloadPolicy', subscribe: ['*'], initialVersions });
  set('a/default/web', '1');
  set('a/default/web', undefined);
  stream.close();
  t.is(publisher.work.cached, 0);
});

test('what goes is said to be gone', t => {
  const { publisher, set } = setUp();
  set('a/default/web', '1');
  const a = host(publisher, 'a');
  a.acknowledge();
  set('a/default/web', undefined);
  t.deepEqual(a.got, ['a/default/web', '-a/default/web']);
});

test('what cannot be encoded stays as it was, and holds up nothing else', t => {
  const { publisher, set } = setUp();
  set('a/default/one', '1');
  set('a/default/two', '1');
  const a = host(publisher, 'a');
  a.acknowledge();
  set('a/default/one', 'unfit');
  set('a/default/two', '2');
  t.deepEqual(a.got, ['a/default/one', 'a/default/two', 'a/default/two']);
});

/** A publisher over names of services: the virtual IP by name. */
function overServices() {
  const addresses = new Map<string, string>();
  const value = (_: ResourceType, name: string) =>
    addresses.has(name)
      ? { namespace: 'default', name, hostname: name, aliases: [], ports: [], virtualIps: [addresses.get(name)] }
      : undefined;
  const source = { value, names: () => addresses.keys() } as unknown as ResourceSource;
  const publisher = new Publisher(source, loadWire(), { now: () => 7 });
  const set = (name: string, address: string): void => {
    addresses.set(name, address);
    publisher.changed([{ type: 'ServiceName', name }]);
  };
  const listener = (of: string, subscribe: readonly string[]) => {
    const got: string[] = [];
    const stream = publisher.open(of, ({ type, nonce, resources, removed }) => {
      got.push(...resources.map(({ name }) => name), ...removed.map(name => `-${name}`));
      stream.receive({ ...NO_REQUEST, type, nonce });
    });
    const ask = (more: Partial<DeltaRequest>): void => stream.receive({ ...NO_REQUEST, type: 'ServiceName', ...more });
    ask({ subscribe });
    return { ask, close: () => stream.close(), news: () => got.splice(0) };
  };
  return { publisher, set, listener };
}

test('what changed goes to those that named it and to those that want all, each made once, and to no other', t => {
  const { publisher, set, listener } = overServices();
  set('one', '10.0.0.1');
  set('two', '10.0.0.2');
  const hosts = [listener('a', ['one']), listener('b', ['one', 'two']), listener('c', ['*'])];
  const [a, b, c] = hosts as [(typeof hosts)[0], (typeof hosts)[0], (typeof hosts)[0]];
  const news = (): string[] => hosts.map(host => host.news().join(' '));
  t.deepEqual(news(), ['one', 'one two', 'one two']);
  const before = publisher.work;
  set('one', '10.0.0.3');
  t.deepEqual(news(), ['one', 'one', 'one']);
  t.is(publisher.work.encodings - before.encodings, 1);
  t.is(publisher.work.responses - before.responses, 3);
  set('two', '10.0.0.4');
  t.deepEqual(news(), ['', 'two', 'two']);
  set('three', '10.0.0.5');
  t.deepEqual(news(), ['', '', 'three']);
  b.ask({ unsubscribe: ['one'] });
  c.ask({ unsubscribe: ['*'] });
  set('one', '10.0.0.6');
  t.deepEqual(news(), ['one', '', '']);
  a.ask({ unsubscribe: ['one'] });
  b.close();
  t.deepEqual(news(), ['', '', '']);
  for (const name of ['one', 'two', 'three']) set(name, '10.0.0.7');
  t.deepEqual(news(), ['', '', '']);
  t.is(publisher.work.cached, 0, 'nothing is kept for nobody');
});

test('whoever wants all is sent nothing any more once it is gone', t => {
  const { publisher, set, listener } = overServices();
  const a = listener('a', ['*']);
  set('one', '10.0.0.1');
  a.close();
  set('one', '10.0.0.2');
  t.deepEqual(a.news(), ['one']);
  t.is(publisher.work.cached, 0);
});
