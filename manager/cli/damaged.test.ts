import test from 'ava';
import { startApi } from '../api/fixture.ts';
import { ok, RULE, run } from './fixture-run.ts';

test('of objects of which one is damaged in the store the others are shown, and that one is named and can be replaced', async t => {
  const api = await startApi(t);
  await ok(t, api, 'apply -f -', RULE);
  const key = 'config/networking.istio.io/destinationrules/shop/torn';
  for (const torn of ['{"api', '[]', '{}', '{"metadata": {}}']) {
    await api.store.put(key, new TextEncoder().encode(torn));
    const { code, out, err } = await run(api, 'get dr');
    t.is(code, 1);
    t.regex(out, /^DestinationRule +default +reviews /m);
    t.regex(
      err,
      /^destinationrules "torn" in the namespace "shop" cannot be read, as the store is damaged: delete it, /,
    );
    const named = /^destinationrules "torn" in the namespace "shop" cannot be read/m;
    t.regex((await run(api, 'get dr torn -n shop')).err, named);
    t.regex((await run(api, 'apply -n shop -f -', RULE.replace('name: reviews', 'name: torn'))).err, /cannot be read/);
    await ok(t, api, 'delete dr torn -n shop');
  }
  await ok(t, api, 'get dr');
});
