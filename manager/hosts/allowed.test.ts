import test from 'ava';
import { allows } from './allowed.ts';

const ALLOWED: readonly (readonly [pattern: string, identity: string, allowed: boolean])[] = [
  ['default/*', 'default/web', true],
  ['default/*', 'default-2/web', false],
  ['default/web', 'default/web-2', false],
  ['default/web*', 'default/web-2', true],
  ['*/web', 'any/web', true],
  ['team-*/*', 'team-a/x', true],
  ['team-*/*', 'team/x', false],
];

for (const [pattern, identity, allowed] of ALLOWED)
  test(`${pattern} ${allowed ? 'allows' : 'does not allow'} ${identity}`, t => {
    const [namespace = '', serviceAccount = ''] = identity.split('/');
    t.is(allows([pattern], { namespace, serviceAccount }), allowed);
  });
