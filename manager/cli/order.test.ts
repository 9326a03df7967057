import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { type ApiFixture, startApi } from '../api/fixture.ts';
import { readFile } from '../config/files.ts';
import { applyAll } from './apply-all.ts';
import type { Ask } from './ask.ts';
import { connectManager } from './client.ts';
import { INSPECT } from './fixture.ts';
import { ok, ROUTES, RULE, run, write } from './fixture-run.ts';

const [routes, rule] = ['virtualservice.networking.istio.io/reviews', 'destinationrule.networking.istio.io/reviews'];

/** What each of so many writes since a revision was: its kind and the subsets that it names. */
async function writesSince(api: ApiFixture, revision: number, count: number): Promise<readonly string[]> {
  const writes: string[] = [];
  for await (const change of api.store.watch('config/', revision, AbortSignal.timeout(10_000))) {
    const text = change.type === 'put' ? Buffer.from(change.entry.value).toString() : '';
    const subsets = [...text.matchAll(/"(?:name|subset)":"(v\d)"/g)].map(([, name]) => name);
    writes.push([/"kind":"(\w+)"/.exec(text)?.[1], ...subsets].join(' '));
    if (writes.length === count) break;
  }
  return writes;
}

/** The names of the subsets that the rule of a test has now. */
async function subsetNames(t: ExecutionContext, api: ApiFixture): Promise<readonly string[]> {
  const { spec } = JSON.parse((await ok(t, api, 'get dr reviews -o json')).out);
  return spec.subsets.map(({ name }: { name: string }) => name);
}

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
  t.deepEqual(await writesSince(api, revision, 3), [
    'DestinationRule v1 v3 v2',
    'VirtualService v1 v3',
    'DestinationRule v1 v3',
  ]);
});

for (const [title, subsets] of [
  ['no longer speaks of', ''],
  ['says null for', '  subsets: null\n'],
] as const)
  test(`a rule that ${title} its subsets loses them only after the routes of the same input`, async t => {
    const api = await startApi(t, { inspect: INSPECT });
    await ok(t, api, 'apply -f -', `${RULE}---\n${ROUTES}`);
    const { revision } = await api.store.list('config/');
    const bare = `${ROUTES.replaceAll(/, subset: v\d/g, '')}---\n${RULE.replace(/ {2}subsets: .*\n/, subsets)}`;
    const { out, err } = await ok(t, api, 'apply -f -', bare);
    t.is(out, `${rule} configured\n${routes} configured\n`);
    t.is(err, '');
    t.deepEqual(await writesSince(api, revision, 2), ['VirtualService', 'DestinationRule']);
    t.is((await ok(t, api, 'apply -f -', bare)).out, `${rule} unchanged\n${routes} unchanged\n`);
  });

test('subsets that another writer owns stay when a rule does not speak of them, and nothing is written for it', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const path = '/apis/networking.istio.io/v1/namespaces/default/destinationrules';
  const body = parse(RULE);
  await connectManager({ runDir: api.directory }).request({ method: 'POST', path, body }, AbortSignal.timeout(10_000));
  const bare = `${ROUTES}---\n${RULE.replace(/ {2}subsets: .*\n/, '')}`;
  await ok(t, api, 'apply -f -', bare);
  const { out, err } = await ok(t, api, 'apply -f -', bare);
  t.is(out, `${rule} unchanged\n${routes} unchanged\n`);
  t.is(err, '');
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

for (const [title, bad] of [
  ['were refused', ROUTES.replace('{name: reviews}', '{name: reviews, resourceVersion: "7"}')],
  ['could not be read', ROUTES.replace('weight: 90', 'wieght: 90')],
] as const)
  test(`a rule keeps its subsets while routes of the same input ${title}, and says so`, async t => {
    const api = await startApi(t, { inspect: INSPECT });
    await ok(t, api, 'apply -f -', `${RULE}---\n${ROUTES}`);
    const [renamed, now] = [bad, RULE].map(text =>
      text.replace('subset: v2', 'subset: v3').replace('{name: v2', '{name: v3'),
    );
    const input = `${now}---\n${renamed}`;
    const { code, out, err } = await run(api, 'apply -f -', input);
    t.is(code, 1);
    t.regex(out, new RegExp(`^${rule} configured\n(${routes} refused\n)?$`));
    t.regex(
      err,
      /^stdin:6:3: warning: spec\.subsets: "v2" stays in DestinationRule default\/reviews: a part of this input was not applied, and may route to it; mend it and apply again$/m,
    );
    t.deepEqual(await subsetNames(t, api), ['v1', 'v3', 'v2']);

    const json = await run(api, 'apply -f - -o json', input);
    t.is(json.code, 1);
    const [{ result, warnings }] = JSON.parse(json.out).applied;
    t.is(result, 'unchanged');
    t.regex(warnings[0]?.message ?? '', /"v2" stays/);

    const mended = input.replace(', resourceVersion: "7"', '').replace('wieght', 'weight');
    t.is((await ok(t, api, 'apply -f -', mended)).out, `${rule} configured\n${routes} configured\n`);
    t.deepEqual(await subsetNames(t, api), ['v1', 'v3']);
  });

test('a rule stays while routes of the same input could not be read, and is deleted with them', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const peers = 'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: all}\n';
  const input = `${ROUTES}---\n${RULE}---\n${peers}`;
  await ok(t, api, 'apply -f -', input);
  const typo = input.replace('weight: 90', 'wieght: 90');
  const { code, out, err } = await run(api, 'delete -f -', typo);
  t.is(code, 1);
  t.is(out, 'peerauthentication.security.istio.io/all deleted\n');
  t.regex(
    err,
    /wieght.*\nDestinationRule default\/reviews stays: a part of this input was not deleted, and may route to its .*\n$/,
  );
  const json = await run(api, 'delete -f - -o json', `${typo.slice(0, -peers.length)}`);
  t.like(JSON.parse(json.out).results, [{ kind: 'DestinationRule', deleted: false }]);
  t.is((await ok(t, api, 'delete -f -', `${ROUTES}---\n${RULE}`)).out, `${routes} deleted\n${rule} deleted\n`);
  await ok(t, api, 'apply -f -', RULE);
  t.is((await run(api, 'delete -f -', input)).out, `${rule} deleted\n`, 'routes that are not there hold nothing back');
});

test('a rule and routes that bear the revisions they were shown at are applied like others', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const file = write(api, 'mesh.yaml', `${RULE}---\n${ROUTES}`);
  await ok(t, api, `apply -f ${file}`);
  const shown = (await ok(t, api, `get -f ${file} -o yaml`)).out;
  t.is(shown.match(/resourceVersion/g)?.length, 2);
  const renamed = shown.replace('- name: v2', '- name: v3').replace('weight: 90', 'weight: 80');
  const { out, err } = await ok(t, api, 'apply -f -', renamed);
  t.is(out, `${rule} configured\n${routes} configured\n`);
  t.regex(err, /^stdin:\d+:\d+: warning: .*subset: "v2" is not defined in DestinationRule default\/reviews.*\n$/);
  t.deepEqual(await subsetNames(t, api), ['v1', 'v3']);
});

test('a rule that is not let go of its subsets, as somebody changed it meanwhile, is refused, and which it keeps is said', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  await ok(t, api, 'apply -f -', `${RULE}---\n${ROUTES}`);
  const client = connectManager({ runDir: api.directory });
  let writes = 0;
  const ask: Ask = async request => {
    const isWrite = request.method === 'PATCH' && !request.path.includes('dryRun');
    writes += isWrite && request.path.includes('destinationrules') ? 1 : 0;
    if (isWrite && writes === 2) return { status: 409, body: { message: 'it was changed' }, warnings: [] };
    return await client.request(request, AbortSignal.timeout(10_000));
  };
  const renamed = `${RULE.replace('{name: v2', '{name: v3')}---\n${ROUTES.replace('subset: v2', 'subset: v3')}`;
  const { objects } = readFile(renamed, 'mesh.yaml', 'default');
  const [applied] = await applyAll(ask, objects, false, false);
  t.is(applied?.result, 'refused');
  t.regex(applied?.warnings[0]?.message ?? '', /"v2" stays in DestinationRule default\/reviews/);
  t.deepEqual(await subsetNames(t, api), ['v1', 'v3', 'v2']);
});
