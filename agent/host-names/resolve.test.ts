import test from 'ava';
import { NameResolver, usable } from './resolve.ts';

const CASES: readonly [answers: string[], usable: string[] | undefined][] = [
  [
    ['192.0.2.2', '192.0.2.1', '192.0.2.2'],
    ['192.0.2.1', '192.0.2.2'],
  ],
  [['2001:db8::1'], ['2001:db8::1']],
  [['127.0.0.1', '192.0.2.1'], ['192.0.2.1']],
  [['127.0.0.53', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1'], undefined],
  [[], undefined],
];
for (const [answers, expected] of CASES)
  test(`answers ${answers.join(', ') || 'none'}`, t => t.deepEqual(usable(answers, 1000)?.addresses, expected));

test('a name that no server knows is looked up as programs do it; of this host it has no address', async t => {
  await t.throwsAsync(new NameResolver().resolve('localhost', AbortSignal.timeout(30_000)), {
    message: '"localhost" has no address but such as mean this host itself',
  });
});

test('a name without an address is told, also one that looks like an option', async t => {
  await t.throwsAsync(new NameResolver().resolve('--help', AbortSignal.timeout(30_000)), {
    message: '"--help" has no address',
  });
});

test('what is asked ends with its signal', async t => {
  const life = new AbortController();
  const asked = new NameResolver().resolve('nowhere.invalid', life.signal);
  life.abort(new Error('over'));
  await t.throwsAsync(asked, { message: 'over' });
});

test('names that no server knows are looked up a few at a time, and the others come again', async t => {
  let [underWay, most] = [0, 0];
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const resolver = new NameResolver(async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await answered;
    underWay -= 1;
    return ['192.0.2.1'];
  });
  const signal = AbortSignal.timeout(30_000);
  // With two dots in a row they are no names to a server, and none is asked.
  const asked = Array.from({ length: 100 }, (_, index) => resolver.resolve(`db-${index}..example`, signal));
  const refused = await Promise.any(asked.map(one => one.then(() => Promise.reject(new Error('too soon')), String)));
  t.regex(refused, /no name server has an address for "db-\d+\.\.example", and 16 other names are being looked up/);
  answer();
  const results = await Promise.allSettled(asked);
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 16);
  t.is(most, 16);
  t.deepEqual((await resolver.resolve('db-99..example', signal)).addresses, ['192.0.2.1']);
});
