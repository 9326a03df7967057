import test from 'ava';
import { allows, allowsNamespace } from './allowed.ts';

const ALLOWED: readonly (readonly [patterns: string, identity: string, allowed: boolean])[] = [
  ['default/*', 'default/web', true],
  ['default/*', 'default-2/web', false],
  ['default/web', 'default/web-2', false],
  ['default/web*', 'default/web-2', true],
  ['*/web', 'any/web', true],
  ['team-*/*', 'team-a/x', true],
  ['team-*/*', 'team/x', false],
  ['team/x default/web', 'default/web', true],
  ['team/x default/web', 'team/web', false],
];

for (const [patterns, identity, allowed] of ALLOWED)
  test(`${patterns} ${allowed ? 'allows' : 'does not allow'} ${identity}`, t => {
    const [namespace = '', serviceAccount = ''] = identity.split('/');
    t.is(allows(patterns.split(' '), { namespace, serviceAccount }), allowed);
  });

test('a namespace is allowed when one of the patterns allows some identity of it', t => {
  const patterns = ['team-*/x', 'default/web'];
  t.deepEqual(
    ['team-a', 'default', 'team', 'default-2'].map(namespace => allowsNamespace(patterns, namespace)),
    [true, true, false, false],
  );
});
