import test from 'ava';
import { resolveName, usable } from './resolve.ts';

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
  await t.throwsAsync(resolveName('localhost', AbortSignal.timeout(30_000)), {
    message: '"localhost" has no address but such as mean this host itself',
  });
});

test('a name without an address is told, also one that looks like an option', async t => {
  await t.throwsAsync(resolveName('--help', AbortSignal.timeout(30_000)), { message: '"--help" has no address' });
});

test('what is asked ends with its signal', async t => {
  const life = new AbortController();
  const asked = resolveName('nowhere.invalid', life.signal);
  life.abort(new Error('over'));
  await t.throwsAsync(asked, { message: 'over' });
});
