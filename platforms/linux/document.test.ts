import test from 'ava';
import { DocumentError, readWorkload } from './document.ts';

test('a file in full', t => {
  const text = `
name: web
namespace: shop
serviceAccount: web-sa
labels: {version: v1}
services: [web, store.shop]
addresses: [10.0.0.7, "fd00::7"]
ports:
  - {name: http, port: 8080}
  - {port: 9000}
  - {name: rpc, number: 9001, protocol: grpc}
selector: {user: 2001}
`;
  t.deepEqual(readWorkload(text, 'web.yaml', 'host-a'), {
    workload: {
      uid: 'host-a/shop/web',
      name: 'web',
      namespace: 'shop',
      serviceAccount: 'web-sa',
      labels: { version: 'v1' },
      addresses: ['10.0.0.7', 'fd00::7'],
      ports: [
        { number: 8080, name: 'http', protocol: 'http' },
        { number: 9000, name: 'tcp-9000', protocol: 'tcp' },
        { number: 9001, name: 'rpc', protocol: 'grpc' },
      ],
      platform: 'linux',
      services: ['web', 'store.shop'],
      health: 'healthy',
    },
    selector: { user: 2001 },
  });
});

test('what is not said has a default', t => {
  const { workload, selector } = readWorkload('name: web\nselector: {networkNamespace: blue}', 'f', 'a');
  t.like(workload, { uid: 'a/default/web', namespace: 'default', serviceAccount: 'web' });
  t.deepEqual([workload.ports, workload.services, workload.addresses], [[], [], []]);
  t.deepEqual(selector, { namespace: '/run/netns/blue' });
});

const WRONG: readonly [what: string, text: string, message: RegExp][] = [
  ['empty', '', /^f\.yaml:1: is empty/],
  ['two documents', 'name: a\n---\nname: b\n', /^f\.yaml:2: a second document begins, after "---"/],
  ['a list that holds itself', 'name: &a [*a]\n', /^f\.yaml:1: maps and lists are nested/],
  ['no text', '\u0000\ufffdELF', /^f\.yaml:1: is no text: it has a byte 0; save it as UTF-8$/],
  ['no map', '- a', /^f\.yaml:1: document: must be a map of fields/],
  ['broken YAML', 'name: web\nports: [1', /^f\.yaml:2: /],
  ['no name', 'selector: {user: web}', /^f\.yaml:1: name: is missing; try "web"/],
  ['name no label', 'name: Web_1\nselector: {user: web}', /^f\.yaml:1: name: must be lower-case .* not "Web_1"/],
  ['namespace no label', 'name: web\nnamespace: a.b\nselector: {user: web}', /^f\.yaml:2: namespace: must be/],
  [
    'unknown field',
    'name: web\nselctor: {user: web}',
    /line 2: selctor: is not a field here; did you mean "selector"\?/,
  ],
  ['no selector', 'name: web', /^f\.yaml:1: selector: is missing/],
  ['two selectors', 'name: web\nselector: {user: a, networkNamespace: b}', /^f\.yaml:2: selector: must have either/],
  ['root', 'name: web\nselector: {user: root}', /^f\.yaml:2: selector\.user: cannot be root/],
  ['root by number', 'name: web\nselector: {user: "0"}', /selector\.user: cannot be root/],
  ['uid too large', 'name: web\nselector: {user: 4294967295}', /selector\.user: must be a whole number from 0/],
  ['relative namespace', 'name: web\nselector: {networkNamespace: ../x}', /must be a name or an absolute path/],
  [
    'port too large',
    'name: web\nselector: {user: a}\nports:\n - {port: 70000}',
    /^f\.yaml:4: ports\[0\]\.port: must be/,
  ],
  ['port missing', 'name: web\nselector: {user: a}\nports:\n - {name: a}', /^f\.yaml:4: ports\[0\]\.port: is missing/],
  [
    'port twice',
    'name: web\nselector: {user: a}\nports:\n - {port: 80, name: a}\n - {port: 80, name: b}',
    /^f\.yaml:5: .*80 is listed twice/,
  ],
  [
    'port name twice',
    'name: web\nselector: {user: a}\nports:\n - {port: 80, name: a}\n - {port: 81, name: a}',
    /^f\.yaml:5: .*two ports/,
  ],
  ['protocol', 'name: web\nselector: {user: a}\nports:\n - {port: 80, protocol: HTTP}', /try "http"/],
  [
    'address',
    'name: web\nselector: {user: a}\naddresses: [localhost]',
    /^f\.yaml:3: addresses\[0\]: must be an IP address/,
  ],
  [
    'service',
    'name: web\nselector: {user: a}\nservices: [a.b.c]',
    /^f\.yaml:3: services\[0\]: must be a service's name/,
  ],
  [
    'label value',
    'name: web\nselector: {user: a}\nlabels: {version: 1}',
    /^f\.yaml:3: labels\.version: must be a text/,
  ],
];

for (const [what, text, message] of WRONG) {
  test(`refused with its line: ${what}`, t => {
    t.throws(() => readWorkload(text, 'f.yaml', 'a'), { instanceOf: DocumentError, message });
  });
}

test('every wrong field is named in one problem, in the order of lines', t => {
  const error = t.throws(() => readWorkload('name: X\nlabel: {}\nports: 5\nselector: {usr: a}', 'f.yaml', 'a'), {
    instanceOf: DocumentError,
  });
  t.is(error?.problem.where, 'f.yaml:1');
  t.regex(error!.problem.why, /name: .*; line 2: label: .*; line 3: ports: .*; line 4: selector.*usr: /);
});
