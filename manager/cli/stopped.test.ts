import test from 'ava';
import { startApi } from '../api/fixture.ts';
import { RULE, run } from './fixture-run.ts';

test('an apply that is stopped halfway says what it applied before', async t => {
  const api = await startApi(t);
  const rules = Array.from({ length: 200 }, (_, index) => RULE.replace('name: reviews', `name: r${index}`));
  const stop = new AbortController();
  const ended = run(api, 'apply -f -', rules.join('---\n'), stop.signal);
  let changes = 0;
  for await (const _change of api.store.watch('config/', 0, AbortSignal.timeout(20_000))) if (++changes === 8) break;
  stop.abort();
  const { code, err } = await ended;
  t.is(code, 1);
  t.regex(
    err,
    /^isthmus apply: ended early: \d+ of 200 objects had been applied \(DestinationRule default\/r0, DestinationRule default\/r1 and \d+ more\), and the next one perhaps; apply again for the others$/m,
  );
});
