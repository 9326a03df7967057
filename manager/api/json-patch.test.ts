import test from 'ava';
import { jsonPatch } from './json-patch.ts';
import { ApiError } from './status.ts';

/** Mostly the examples of RFC 6902, appendix A. */
const cases: readonly [string, unknown, unknown[], unknown][] = [
  ['add a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { foo: 'bar', baz: 'qux' }],
  ['add to a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
  ['add at the end', { a: [1] }, [{ op: 'add', path: '/a/-', value: [2] }], { a: [1, [2]] }],
  ['add over a member', { a: 1 }, [{ op: 'add', path: '/a', value: 2 }], { a: 2 }],
  ['remove a member', { a: 1, b: 2 }, [{ op: 'remove', path: '/a' }], { b: 2 }],
  ['remove of a list', { a: [1, 2, 3] }, [{ op: 'remove', path: '/a/1' }], { a: [1, 3] }],
  ['replace a value', { a: [1, { b: 2 }] }, [{ op: 'replace', path: '/a/1/b', value: null }], { a: [1, { b: null }] }],
  ['replace all', { a: 1 }, [{ op: 'replace', path: '', value: [] }], []],
  ['move a value', { a: { x: 1 }, b: {} }, [{ op: 'move', from: '/a/x', path: '/b/y' }], { a: {}, b: { y: 1 } }],
  ['move in a list', { a: [1, 2, 3] }, [{ op: 'move', from: '/a/0', path: '/a/2' }], { a: [2, 3, 1] }],
  ['copy a value', { a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }], { a: [1], b: [1] }],
  [
    'escaped keys',
    { 'a/b': 1, 'm~n': 2 },
    [
      { op: 'test', path: '/a~1b', value: 1 },
      { op: 'remove', path: '/m~0n' },
    ],
    { 'a/b': 1 },
  ],
  [
    'a test of a map',
    { a: { x: 1, y: [2] } },
    [{ op: 'test', path: '/a', value: { y: [2], x: 1 } }],
    { a: { x: 1, y: [2] } },
  ],
];

for (const [what, target, patch, expected] of cases)
  test(`patch: ${what}`, t => {
    const before = structuredClone(target);
    t.deepEqual(jsonPatch(target, patch), expected);
    t.deepEqual(target, before, 'the target itself is not touched');
  });

const refused: readonly [string, unknown, number, RegExp][] = [
  ['no list', {}, 400, /list of operations/],
  ['an unknown operation', [{ op: 'put', path: '/a' }], 400, /operation 0: op must be one of/],
  ['no pointer', [{ op: 'remove', path: 'a' }], 400, /path must be a JSON pointer/],
  ['no source', [{ op: 'copy', path: '/b' }], 400, /from must be a JSON pointer/],
  ['a test that fails', [{ op: 'test', path: '/a/0', value: 2 }], 422, /operation 0: the test of \/a\/0 failed/],
  ['a parent that is not there', [{ op: 'add', path: '/x/y', value: 1 }], 422, /nothing at \/x/],
  ['an index past the end', [{ op: 'add', path: '/a/2', value: 1 }], 422, /nothing at \/a\/2/],
  ['no index', [{ op: 'remove', path: '/a/01' }], 422, /nothing at \/a\/01/],
  ['the end of a list taken out', [{ op: 'remove', path: '/a/-' }], 422, /nothing at \/a\/-/],
  ['all taken out', [{ op: 'remove', path: '' }], 422, /cannot be taken out/],
  ['a map into itself', [{ op: 'move', from: '/m', path: '/m/n' }], 422, /nothing at \/m/],
  ['what every object inherits', [{ op: 'remove', path: '/constructor' }], 422, /nothing at \/constructor/],
];

for (const [what, patch, status, message] of refused)
  test(`patch refused: ${what}`, t => {
    t.throws(() => jsonPatch({ a: [1], m: {} }, patch), { message, name: 'ApiError' });
    t.like(
      t.throws(() => jsonPatch({ a: [1], m: {} }, patch)),
      { status },
    );
  });

test('copies of copies do not grow without a bound', t => {
  const copies = Array.from({ length: 1_000 }, (_, index) => ({ op: 'copy', from: '/a', path: `/a/b${index}` }));
  const error = t.throws(() => void jsonPatch({ a: {} }, copies), { instanceOf: ApiError });
  t.is(error?.status, 413);
  t.regex(error?.message ?? '', /^operation 1\d: a patch copies at most 1048576 bytes$/);
});
