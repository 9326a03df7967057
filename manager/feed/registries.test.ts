import test from 'ava';
import type { FollowedService } from '../../registries/mapping.ts';
import type { Registry, RegistryEvent } from '../../registries/registry.ts';
import { eventually } from '../../test/eventually.ts';
import { systemClock } from '../model/util/clock.ts';
import { silentLogger } from '../model/util/log.ts';
import { temporaryStore } from '../store/fixture.ts';
import { Registries } from './registries.ts';

const SYNCED: RegistryEvent = { type: 'synced' };

function service(name: string): RegistryEvent {
  const instance = {
    id: name,
    address: '10.0.0.1',
    ports: [{ number: 80 }],
    weight: 1,
    labels: {},
    health: 'healthy' as const,
  };
  return { type: 'service', service: { name, aliases: [], labels: {}, instances: [instance], problems: [] } };
}

/** A registry that lists this, and nothing more ever. */
function listing(...events: readonly RegistryEvent[]): Registry {
  return {
    kind: 'listing',
    async *watch(signal) {
      yield* events;
      await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
    },
  };
}

test('what a registry lists no more goes, also when it says so before anybody feeds the catalog', async t => {
  const { store } = temporaryStore(t, 'registries');
  const live = async (registry: Registry): Promise<{ readonly held: readonly string[]; readonly set: number }> => {
    const held = new Map<string, FollowedService>();
    let set = 0;
    const setSource = (_: string, key: string, one: FollowedService | undefined): void => {
      set += 1;
      if (one) held.set(key, one);
      else held.delete(key);
    };
    const configured = { name: 'one', registry, mapping: { namespace: 'default', services: new Map() } };
    const options = { registries: [configured], catalog: { setSource }, store, clock: systemClock };
    const registries = new Registries({ ...options, logger: silentLogger });
    const end = new AbortController();
    await registries.start(end.signal);
    const [followed] = registries.all();
    await eventually(
      'the first list',
      () => followed!.status(),
      ({ synced }) => synced,
    );
    const running = registries.run(end.signal);
    await registries.synced();
    end.abort();
    await running;
    return { held: [...held.keys()], set };
  };
  t.deepEqual(await live(listing(service('a'), service('b'), SYNCED)), { held: ['/a', '/b'], set: 2 });
  t.deepEqual((await live(listing(service('b'), SYNCED))).held, ['/b']);
  t.deepEqual(await live(listing(service('b'), SYNCED)), { held: ['/b'], set: 1 }, 'and what is as it was is set once');
});
