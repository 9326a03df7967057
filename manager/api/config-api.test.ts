import test, { type ExecutionContext } from 'ava';
import { connectManager, type ManagerAnswer } from '../cli/client.ts';
import { MAXIMUM_LEVELS, TOO_DEEP } from '../model/util/nesting.ts';
import { type ApiFixture, startApi } from './fixture.ts';

const RULES = '/apis/networking.istio.io/v1/namespaces/default/destinationrules';
const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';

const rule = (name: string, spec: object = { host: name }, metadata: object = {}): object => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name, ...metadata },
  spec,
});

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Send = (method: Method, path: string, body?: unknown, contentType?: string) => Promise<ManagerAnswer>;

function sender(api: ApiFixture): Send {
  const client = connectManager({ runDir: api.directory });
  return (method, path, body, contentType) =>
    client.request(
      { method, path, body, ...(contentType === undefined ? {} : { contentType }) },
      AbortSignal.timeout(20_000),
    );
}

interface Shown {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: Readonly<Record<string, unknown>>;
}
const shown = ({ body }: ManagerAnswer): Shown => body as Shown;
const reason = ({ status, body }: ManagerAnswer): string => `${status} ${(body as { reason?: string }).reason}`;

async function start(t: ExecutionContext): Promise<Send> {
  return sender(await startApi(t));
}

test('an object is made, read in every version and listed, replaced at its revision, and deleted', async t => {
  const send = await start(t);
  const made = await send('POST', RULES, rule('a', { host: 'a' }, { labels: { app: 'a' } }));
  t.is(made.status, 201);
  const { uid, resourceVersion, creationTimestamp, generation } = shown(made).metadata;
  t.regex(String(creationTimestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.is(generation, 1);

  const old = await send('GET', `${RULES.replace('/v1/', '/v1alpha3/')}/a`);
  t.is((old.body as { apiVersion: string }).apiVersion, 'networking.istio.io/v1alpha3');
  t.is(shown(old).metadata['uid'], uid);

  const replaced = await send('PUT', `${RULES}/a`, rule('a', { host: 'b' }, { resourceVersion }));
  t.is(replaced.status, 200);
  t.is(shown(replaced).metadata['uid'], uid);
  t.is(shown(replaced).metadata['generation'], 2);
  t.deepEqual(shown(replaced).metadata['labels'], {});
  t.is(reason(await send('PUT', `${RULES}/a`, rule('a', { host: 'c' }, { resourceVersion }))), '409 Conflict');
  t.is(shown(await send('PUT', `${RULES}/a`, rule('a', { host: 'd' }))).spec['host'], 'd');

  await send('POST', '/apis/networking.istio.io/v1/namespaces/other/destinationrules', rule('z', { host: 'z' }));
  const names = async (path: string): Promise<string[]> =>
    ((await send('GET', path)).body as { items: Shown[] }).items.map(({ metadata }) =>
      [metadata['namespace'], metadata['name']].join('/'),
    );
  t.deepEqual(await names(RULES), ['default/a']);
  t.deepEqual(await names('/apis/networking.istio.io/v1/destinationrules'), ['default/a', 'other/z']);

  t.is((await send('DELETE', `${RULES}/a`, { preconditions: { uid: 'another' } })).status, 409);
  const gone = await send('DELETE', `${RULES}/a`);
  t.is((gone.body as { status: string }).status, 'Success');
  t.is(reason(await send('GET', `${RULES}/a`)), '404 NotFound');
  t.is(reason(await send('DELETE', `${RULES}/a`)), '404 NotFound');
});

test('of eight merge patches at once, none is lost', async t => {
  const send = await start(t);
  await send('POST', RULES, rule('a'));
  const patches = Array.from({ length: 8 }, (_, index) =>
    send('PATCH', `${RULES}/a`, { metadata: { labels: { [`k${index}`]: 'v' } } }, MERGE),
  );
  for (const { status, body } of await Promise.all(patches)) t.is(status, 200, JSON.stringify(body));
  const labels = shown(await send('GET', `${RULES}/a`)).metadata['labels'] as object;
  t.deepEqual(Object.keys(labels).sort(), ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7']);
});

test('a merge patch that would break the object is refused by its fields, and nothing changes', async t => {
  const send = await start(t);
  await send('POST', RULES, rule('a'));
  const answer = await send('PATCH', `${RULES}/a`, { spec: { host: null, subsets: [{ name: 'v 1' }] } }, MERGE);
  t.is(reason(answer), '422 Invalid');
  t.deepEqual((answer.body as { details: unknown }).details, {
    causes: [
      { reason: 'FieldValueRequired', message: 'is missing; name the service that it is for', field: 'spec.host' },
      {
        reason: 'FieldValueInvalid',
        message: '"v 1" is no subset name; letters, digits, "-", "_" and ".", at most 63',
        field: 'spec.subsets[0].name',
      },
    ],
  });
  t.is(shown(await send('GET', `${RULES}/a`)).spec['host'], 'a');
});

for (const [title, method, path, contentType] of [
  ['a merge patch', 'PATCH', `${RULES}/a`, MERGE],
  ['a JSON patch', 'PATCH', `${RULES}/a`, 'application/json-patch+json'],
  ['an apply', 'PATCH', `${RULES}/a?fieldManager=x`, APPLY],
  ['an object', 'PUT', `${RULES}/a`, 'application/json'],
  ['an object in YAML', 'POST', RULES, 'application/yaml'],
] as const)
  test(`${title} with maps in maps without an end is refused`, async t => {
    const send = await start(t);
    await send('POST', RULES, rule('a'));
    for (const levels of [MAXIMUM_LEVELS + 1, 50_000]) {
      const body = JSON.parse(`${'{"spec":'.repeat(levels)}1${'}'.repeat(levels)}`);
      const { status, body: said } = await send(method, path, body, contentType);
      t.is(status, 400);
      t.is((said as { message: string }).message, `The body cannot be read: ${TOO_DEEP}`);
    }
  });

test('a JSON patch changes single entries of lists', async t => {
  const send = await start(t);
  await send('POST', RULES, rule('a', { host: 'a', subsets: [{ name: 'v1' }] }));
  const patch = (...operations: object[]): Promise<ManagerAnswer> =>
    send('PATCH', `${RULES}/a`, operations, 'application/json-patch+json');
  const add = { op: 'add', path: '/spec/subsets/-', value: { name: 'v2' } };
  const patched = await patch({ op: 'test', path: '/spec/subsets/0/name', value: 'v1' }, add);
  t.deepEqual(shown(patched).spec['subsets'], [{ name: 'v1' }, { name: 'v2' }]);
  t.is(reason(await patch({ op: 'test', path: '/spec/host', value: 'b' }, add)), '422 Invalid');
  t.is(reason(await patch({ op: 'replace', path: '/metadata/resourceVersion', value: '1' })), '409 Conflict');
});

test('a merge patch that names a revision is refused at another', async t => {
  const send = await start(t);
  await send('POST', RULES, rule('a'));
  const merge = (resourceVersion: string): Promise<ManagerAnswer> =>
    send('PATCH', `${RULES}/a`, { metadata: { resourceVersion }, spec: { host: 'b' } }, MERGE);
  t.is(reason(await merge('7')), '409 Conflict');
  t.is((await merge('1')).status, 200);
});

test('a write that changes nothing keeps the revision, and a dry run writes nothing', async t => {
  const send = await start(t);
  const made = shown(await send('POST', RULES, rule('a')));
  const same = await send('PUT', `${RULES}/a`, rule('a'));
  t.is(shown(same).metadata['resourceVersion'], made.metadata['resourceVersion']);
  t.is((await send('POST', `${RULES}?dryRun=All`, rule('b'))).status, 201);
  t.is(shown(await send('PATCH', `${RULES}/a?dryRun=All`, { spec: { host: 'x' } }, MERGE)).spec['host'], 'x');
  await send('DELETE', `${RULES}/a?dryRun=All`);
  t.deepEqual(
    ((await send('GET', RULES)).body as { items: Shown[] }).items.map(({ spec }) => spec['host']),
    ['a'],
  );
});

test('apply: writers share an object, and conflict over a field', async t => {
  const send = await start(t);
  const apply = (manager: string, spec: object, more = ''): Promise<ManagerAnswer> =>
    send('PATCH', `${RULES}/a?fieldManager=${manager}${more}`, rule('a', spec), APPLY);
  t.is((await apply('ci', { host: 'a', subsets: [{ name: 'v1' }] })).status, 201);
  t.is((await apply('ops', { trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } })).status, 200);
  const conflict = await apply('ops', { subsets: [{ name: 'v2' }] });
  t.is(reason(conflict), '409 Conflict');
  t.regex((conflict.body as { message: string }).message, /spec\.subsets is set by "ci"; apply with force=true/);
  const forced = await apply('ops', { subsets: [{ name: 'v2' }] }, '&force=true');
  t.deepEqual(shown(forced).spec, { host: 'a', subsets: [{ name: 'v2' }] });
  t.is(reason(await apply('ci', {})), '422 Invalid', 'the host that only ci declared would be gone');
  t.is((await send('PATCH', `${RULES}/a`, rule('a'), APPLY)).status, 400);
});

test('labels and names choose from a list', async t => {
  const send = await start(t);
  for (const [name, labels] of [
    ['a', { app: 'web', tier: 'x' }],
    ['b', { app: 'db' }],
    ['c', {}],
  ] as const)
    await send('POST', RULES, rule(name, { host: name }, { labels }));
  const chosen = async (query: string): Promise<string> =>
    ((await send('GET', `${RULES}?${query}`)).body as { items: Shown[] }).items
      .map(({ metadata }) => metadata['name'])
      .join('');
  for (const [selector, names] of [
    ['app=web', 'a'],
    ['app!=web', 'bc'],
    ['app', 'ab'],
    ['!app', 'c'],
    ['app in (web, db),tier', 'a'],
    ['app notin (web)', 'bc'],
  ] as const)
    t.is(await chosen(`labelSelector=${encodeURIComponent(selector)}`), names, selector);
  t.is(await chosen('fieldSelector=metadata.name%3Db'), 'b');
  t.is(reason(await send('GET', `${RULES}?labelSelector=${encodeURIComponent('app >> 1')}`)), '400 BadRequest');
  t.is(reason(await send('GET', `${RULES}?fieldSelector=spec.host%3Db`)), '400 BadRequest');
});

const refused: readonly [string, Method, string, unknown, string | undefined, string][] = [
  ['a second of one name', 'POST', RULES, rule('there'), undefined, '409 AlreadyExists'],
  ['one that is not there', 'PUT', `${RULES}/none`, rule('none'), undefined, '404 NotFound'],
  [
    'one that is not there, at a revision',
    'PUT',
    `${RULES}/none`,
    rule('none', { host: 'a' }, { resourceVersion: '9' }),
    undefined,
    '404 NotFound',
  ],
  ['another name than the path', 'PUT', `${RULES}/there`, rule('other'), undefined, '400 BadRequest'],
  [
    'another namespace than the path',
    'POST',
    RULES,
    rule('x', { host: 'a' }, { namespace: 'other' }),
    undefined,
    '400 BadRequest',
  ],
  [
    'another kind than the path',
    'POST',
    RULES,
    {
      ...rule('x'),
      kind: 'VirtualService',
      spec: { hosts: ['a'], http: [{ route: [{ destination: { host: 'a' } }] }] },
    },
    undefined,
    '400 BadRequest',
  ],
  [
    'a revision on a new one',
    'POST',
    RULES,
    rule('x', { host: 'a' }, { resourceVersion: '1' }),
    undefined,
    '400 BadRequest',
  ],
  [
    'a revision of another server',
    'PUT',
    `${RULES}/there`,
    rule('there', { host: 'a' }, { resourceVersion: 'abc' }),
    undefined,
    '400 BadRequest',
  ],
  [
    'an unknown field beside the spec',
    'PATCH',
    `${RULES}/there?fieldManager=x`,
    { ...rule('there'), specs: {} },
    APPLY,
    '422 Invalid',
  ],
  [
    'metadata that is a text',
    'PUT',
    `${RULES}/there`,
    { ...rule('there'), metadata: 'there' },
    undefined,
    '422 Invalid',
  ],
  ['no object', 'POST', RULES, [1], undefined, '400 BadRequest'],
  [
    'a strategic merge patch',
    'PATCH',
    `${RULES}/there`,
    [],
    'application/strategic-merge-patch+json',
    '415 UnsupportedMediaType',
  ],
  [
    'a kind that is not there',
    'GET',
    '/apis/networking.istio.io/v1/namespaces/default/gateways',
    undefined,
    undefined,
    '404 NotFound',
  ],
  [
    'a version that is not there',
    'GET',
    '/apis/networking.istio.io/v7/namespaces/default/destinationrules',
    undefined,
    undefined,
    '404 NotFound',
  ],
  ['a path that is no text', 'GET', `${RULES}/%ff`, undefined, undefined, '400 BadRequest'],
  ['a name with a slash', 'GET', `${RULES}/a%2Fb`, undefined, undefined, '404 NotFound'],
  ['a deletion of all', 'DELETE', RULES, undefined, undefined, '405 MethodNotAllowed'],
  [
    'a body that is too large',
    'POST',
    RULES,
    rule('x', { host: 'a'.repeat(2 ** 20) }),
    undefined,
    '413 RequestEntityTooLarge',
  ],
  ['nothing there', 'GET', '/nothing', undefined, undefined, '404 NotFound'],
  ['a watch from no revision', 'GET', `${RULES}?watch=true&resourceVersion=x`, undefined, undefined, '400 BadRequest'],
];

for (const [what, method, path, body, contentType, expected] of refused)
  test(`refused: ${what}`, async t => {
    const send = await start(t);
    await send('POST', RULES, rule('there'));
    t.is(reason(await send(method, path, body, contentType)), expected);
    t.is(shown(await send('GET', `${RULES}/there`)).metadata['generation'], 1);
  });

const told: readonly [string, string, RegExp][] = [
  ['an object whose name is no text', `${RULES}/50%`, /"50%" is no part of a path: .*; write %25 for a % itself/],
  ['a host whose name is no text', '/isthmus/v1/hosts/%ff', /"%ff" is no part of a path: .*; write %25 for a % itself/],
  ...['abc', '-1', '1.5', ''].map((seconds): [string, string, RegExp] => [
    `a watch for "${seconds}" seconds`,
    `${RULES}?watch=true&timeoutSeconds=${seconds}`,
    new RegExp(`timeoutSeconds "${seconds}" is no whole number of seconds; write one, such as 300`),
  ]),
];

for (const [what, path, expected] of told)
  test(`refused, and told what to write: ${what}`, async t => {
    const answer = await (await start(t))('GET', path);
    t.is(answer.status, 400);
    t.regex((answer.body as { message: string }).message, expected);
  });

test('clients of Kubernetes find what there is', async t => {
  const send = await start(t);
  const groups = (await send('GET', '/apis')).body as { groups: { name: string }[] };
  t.deepEqual(
    groups.groups.map(({ name }) => name),
    ['networking.istio.io', 'security.istio.io'],
  );
  const list = (await send('GET', '/apis/security.istio.io/v1beta1')).body as {
    resources: { name: string; shortNames: string[] }[];
  };
  t.deepEqual(
    list.resources.map(({ name, shortNames }) => [name, ...shortNames]),
    [
      ['peerauthentications', 'pa'],
      ['authorizationpolicies', 'ap'],
    ],
  );
  t.is((await send('GET', '/apis/security.istio.io/v9')).status, 404);
  t.is((await send('GET', '/openapi/v3/apis/security.istio.io/v1')).status, 200);
  t.is(((await send('GET', '/version')).body as { major: string }).major, '1');
});
