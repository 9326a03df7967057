import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import test from 'ava';
import { eventually } from '../../test/eventually.ts';
import { connectManager } from '../cli/client.ts';
import { type ApiFixture, startApi } from './fixture.ts';

const RULES = '/apis/networking.istio.io/v1/namespaces/default/destinationrules';

interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
    readonly spec?: { readonly host?: string };
    readonly code?: number;
  };
}

/** Opens a watch; its events in order, until it is left or the server ends it. */
async function open(
  api: ApiFixture,
  query: string,
): Promise<{ readonly status: number; readonly events: AsyncIterator<WatchEvent>; readonly leave: () => void }> {
  const call = request({
    socketPath: api.socketPath,
    path: `${RULES}?watch=true&${query}`,
    signal: AbortSignal.timeout(20_000),
  });
  const message = await new Promise<IncomingMessage>((resolve, reject) =>
    call.on('response', resolve).on('error', reject).end(),
  );
  async function* events(): AsyncGenerator<WatchEvent> {
    for await (const line of createInterface({ input: message })) yield JSON.parse(line) as WatchEvent;
  }
  return { status: message.statusCode ?? 0, events: events(), leave: () => call.destroy() };
}

const show = ({ value }: IteratorResult<WatchEvent>): string => {
  const { type, object } = value as WatchEvent;
  return `${type} ${object.code ?? `${object.metadata.name} ${object.spec?.host ?? ''}`}`.trim();
};

async function write(api: ApiFixture, name: string, host: string, labels: Record<string, string> = {}): Promise<void> {
  const { status } = await connectManager({ runDir: api.directory }).request(
    {
      method: 'PATCH',
      path: `${RULES}/${name}?fieldManager=t`,
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: { name, labels },
        spec: { host },
      },
    },
    AbortSignal.timeout(20_000),
  );
  if (status >= 400) throw new Error(`status ${status}`);
}

async function remove(api: ApiFixture, name: string): Promise<void> {
  await connectManager({ runDir: api.directory }).request(
    { method: 'DELETE', path: `${RULES}/${name}` },
    AbortSignal.timeout(20_000),
  );
}

test('a watch begins with what is there, then tells what happens', async t => {
  const api = await startApi(t);
  await write(api, 'a', 'one');
  const { events, leave } = await open(api, '');
  t.is(show(await events.next()), 'ADDED a one');
  await write(api, 'b', 'two');
  await write(api, 'a', 'three');
  await remove(api, 'a');
  t.is(show(await events.next()), 'ADDED b two');
  t.is(show(await events.next()), 'MODIFIED a three');
  const gone = await events.next();
  t.is(show(gone), 'DELETED a');
  t.is(Number((gone.value as WatchEvent).object.metadata.resourceVersion), (await api.store.list('')).revision);
  leave();
});

test('a watch goes on from the revision of a list', async t => {
  const api = await startApi(t);
  await write(api, 'a', 'one');
  const { revision } = await api.store.list('config/');
  await write(api, 'a', 'two');
  const { events, leave } = await open(api, `resourceVersion=${revision}`);
  t.is(show(await events.next()), 'MODIFIED a two');
  leave();
});

test('a watch of some labels tells when an object loses them, and of one name nothing of the others', async t => {
  const api = await startApi(t);
  const labelled = await open(api, 'labelSelector=app%3Dx');
  const named = await open(api, 'fieldSelector=metadata.name%3Db');
  await write(api, 'a', 'one', { app: 'x' });
  await write(api, 'c', 'unseen');
  await write(api, 'a', 'two');
  await remove(api, 'a');
  await write(api, 'b', 'three', { app: 'x' });
  for (const expected of ['ADDED a one', 'DELETED a two', 'DELETED a', 'ADDED b three'])
    t.is(show(await labelled.events.next()), expected);
  t.is(show(await named.events.next()), 'ADDED b three');
  labelled.leave();
  named.leave();
});

test('a watch goes on past an object that is damaged in the store, which counts as gone', async t => {
  const api = await startApi(t);
  await write(api, 'a', 'one');
  const { events, leave } = await open(api, '');
  t.is(show(await events.next()), 'ADDED a one');
  await api.store.put('config/networking.istio.io/destinationrules/default/a', new TextEncoder().encode('{"api'));
  await write(api, 'b', 'two');
  t.is(show(await events.next()), 'DELETED a');
  t.is(show(await events.next()), 'ADDED b two');
  leave();
});

test('a watch from history that is gone is told to list again', async t => {
  const api = await startApi(t, { historySize: 4 });
  for (let index = 0; index < 20; index += 1) await write(api, 'a', `h${index}`);
  const { status, events } = await open(api, 'resourceVersion=1');
  t.is(status, 200);
  t.is(show(await events.next()), 'ERROR 410');
  t.true((await events.next()).done);
});

test('a watch ends after the time that was asked for', async t => {
  const { events } = await open(await startApi(t), 'timeoutSeconds=1');
  t.true((await events.next()).done);
});

test('there is a bound to watches, and one that is left gives its place back', async t => {
  const api = await startApi(t, { maximumWatches: 2 });
  await write(api, 'a', 'one');
  const first = await open(api, '');
  const second = await open(api, '');
  t.is((await open(api, '')).status, 429);
  first.leave();
  second.leave();
  // The server hears of it when the connection closes, which is not an event of ours.
  const again = async (): Promise<number> => {
    const { status, leave } = await open(api, '');
    leave();
    return status;
  };
  t.is(await eventually('the place is given back', again, status => status === 200), 200);
});
