import test from 'ava';
import { mergePatch } from './merge-patch.ts';

/** The examples of RFC 7386, appendix A. */
const cases: readonly (readonly [unknown, unknown, unknown])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

for (const [target, patch, result] of cases)
  test(`${JSON.stringify(target)} patched with ${JSON.stringify(patch)}`, t => {
    t.deepEqual(mergePatch(target, patch), result);
  });

test('a patch cannot reach the prototype', t => {
  const patched = mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'));
  t.is(({} as { polluted?: boolean }).polluted, undefined);
  t.deepEqual(Object.keys(patched as object), ['__proto__']);
});
