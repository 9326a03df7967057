import test from 'ava';
import { usable } from './resolve.ts';

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
