import test, { type ExecutionContext } from 'ava';
import { type Logger, silentLogger } from '../model/util/log.ts';
import { AddressRequests } from './address-requests.ts';

/** Gives an address after so many failures. */
function setUp(t: ExecutionContext, failures: number) {
  // The requests hold no process open; a test is one that waits.
  const open = setInterval(() => undefined, 1_000);
  t.teardown(() => clearInterval(open));
  const tries = { count: 0, logged: 0 };
  const given = Promise.withResolvers<string>();
  const logger: Logger = { ...silentLogger, error: () => (tries.logged += 1) };
  const virtualIps = {
    async give() {
      tries.count += 1;
      if (tries.count <= failures) throw new Error('the disk is full');
      return ['240.240.0.1'];
    },
  };
  const requests = new AddressRequests({ virtualIps, onGiven: given.resolve, logger, maximumMs: 20 });
  return { requests, tries, given: given.promise };
}

test('a request that fails is made again until it succeeds; what fails is said once', async t => {
  const { requests, tries, given } = setUp(t, 3);
  requests.ask('a.default.mesh');
  requests.ask('a.default.mesh');
  await Promise.resolve();
  t.deepEqual([...requests.failures()], [['a.default.mesh', 'the disk is full']]);
  t.is(await given, 'a.default.mesh');
  t.deepEqual(tries, { count: 4, logged: 1 });
  t.deepEqual([...requests.failures()], []);
});

test('nobody asks for a service that is gone', async t => {
  const { requests, tries } = setUp(t, Number.POSITIVE_INFINITY);
  requests.ask('a.default.mesh');
  await Promise.resolve();
  requests.forget('a.default.mesh');
  t.deepEqual([...requests.failures()], []);
  const { requests: other, given } = setUp(t, 3);
  other.ask('b.default.mesh');
  await given;
  t.is(tries.count, 1);
});
