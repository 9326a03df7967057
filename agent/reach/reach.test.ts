import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import { Reach } from './reach.ts';

/**
 * Has an agent look at a place where connections can be made, and fail in Envoy before some of the looks.
 * @param failing before which looks one failed.
 * @returns after which looks the place was told of.
 */
async function toldAfter(cluster: string, failing: readonly boolean[]): Promise<boolean[]> {
  await using server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const controller = new AbortController();
  const told: boolean[] = [];
  let [looks, failed] = [0, 0];
  const reach: Reach = new Reach({
    admin: {
      stats: async () => [{ name: `cluster.${cluster}.upstream_cx_connect_fail`, value: failed }],
      places: async () => [{ cluster, address: '127.0.0.1', port, failed }],
    },
    address: '10.0.0.1',
    workloads: () => [],
    logger: silentLogger,
    clock: {
      now: Date.now,
      // The first look is the one that nothing is known before.
      async sleep() {
        if (looks > 1) told.push(reach.problems().length > 0);
        if (looks > failing.length) controller.abort();
        else if (looks > 0 && failing[looks - 1]) failed += 1;
        looks += 1;
      },
    },
  });
  await reach.run(controller.signal);
  return told;
}

test('a host that takes connections which fail again and again is told of, and one at which one failed now and then is not', async t => {
  t.deepEqual(await toldAfter('hbone', [true, false, true, false, false, true]), Array(6).fill(false));
  t.deepEqual(await toldAfter('hbone', [true, true, false, false]), [false, true, true, true]);
});

test('nothing is told of an instance without an agent that takes connections', async t => {
  t.deepEqual(await toldAfter('out|gone.default.mesh|80|', [true, true, true]), Array(3).fill(false));
});
