import test from 'ava';
import { startApi } from '../api/fixture.ts';
import { INSPECT } from './fixture.ts';
import { ok, ROUTES, RULE, write } from './fixture-run.ts';

const [routes, rule] = ['virtualservice.networking.istio.io/reviews', 'destinationrule.networking.istio.io/reviews'];

test('what others refer to is applied before them and deleted after them, whatever the order of the files', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  for (const text of [`${ROUTES}---\n${RULE}`, `${RULE}---\n${ROUTES}`]) {
    const file = write(api, 'mesh.yaml', text);
    const { out, err } = await ok(t, api, `apply -f ${file}`);
    t.is(out, `${rule} created\n${routes} created\n`);
    t.is(err, '', 'a subset that the same input defines is no reason to warn');
    t.is((await ok(t, api, `delete -f ${file}`)).out, `${routes} deleted\n${rule} deleted\n`);
  }
});

test('a subset that the input does not define either is warned of', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const { err } = await ok(t, api, 'apply -f -', `${ROUTES.replace('subset: v2', 'subset: v3')}---\n${RULE}`);
  t.regex(err, /^stdin:10:40: warning: spec\.http\[0\]\.route\[1\]\.destination\.subset: "v3" is not defined in Dest/);
});

test('a rule loses subsets only after the routes of the same input no longer name them', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  await ok(t, api, 'apply -f -', `${RULE}---\n${ROUTES}`);
  const { revision } = await api.store.list('config/');
  const renamed = `${ROUTES.replace('subset: v2', 'subset: v3')}---\n${RULE.replace('{name: v2', '{name: v3')}`;
  const { out, err } = await ok(t, api, 'apply -f -', renamed);
  t.is(out, `${rule} configured\n${routes} configured\n`);
  t.is(err, '');
  const subsets: string[] = [];
  for await (const change of api.store.watch('config/', revision, AbortSignal.timeout(10_000))) {
    const text = change.type === 'put' ? Buffer.from(change.entry.value).toString() : '';
    subsets.push([...text.matchAll(/"(?:name|subset)":"(v\d)"/g)].map(([, name]) => name).join(' '));
    if (subsets.length === 3) break;
  }
  t.deepEqual(subsets, ['v1 v3 v2', 'v1 v3', 'v1 v3']);
});

test('routes of the same input that still name a subset that the rule loses are warned of', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  await ok(t, api, 'apply -f -', `${RULE}---\n${ROUTES}`);
  const { out, err } = await ok(
    t,
    api,
    'apply -f -',
    `${ROUTES}---\n${RULE.replace(', {name: v2, labels: {version: v2}}', '')}`,
  );
  t.is(out, `${rule} configured\n${routes} unchanged\n`);
  t.regex(err, /^stdin:10:40: warning: .*subset: "v2" is not defined in DestinationRule default\/reviews.*\n$/);
});
