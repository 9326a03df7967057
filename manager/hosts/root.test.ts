import test from 'ava';
import { makeRoot, readRoot } from '../../auth/ca/root.ts';
import { temporaryStore } from '../store/fixture.ts';
import { loadAuthority } from './root.ts';

const OPTIONS = { trustDomain: 'isthmus.mesh', now: Date.now };

test('a root is made once, also by two Managers at once, and is there after a restart', async t => {
  const { store } = temporaryStore(t, 'root');
  const [one, other] = await Promise.all([loadAuthority(store, OPTIONS), loadAuthority(store, OPTIONS)]);
  t.deepEqual(other.roots, one.roots);
  const again = await loadAuthority(store, OPTIONS);
  t.deepEqual(again.roots, one.roots);
  t.is(again.roots.length, 1);
});

test('a given authority signs, and the root that was made before it stays trusted', async t => {
  const { store } = temporaryStore(t, 'root');
  const given = makeRoot('isthmus.mesh', Date.now());
  const first = await loadAuthority(store, { ...OPTIONS, given: readRoot(given) });
  t.deepEqual(first.roots, [given.certificate], 'none was made');
  const made = await loadAuthority(store, OPTIONS);
  const { roots } = await loadAuthority(store, { ...OPTIONS, given: readRoot(given) });
  t.deepEqual(roots, [made.root, given.certificate]);
});
