import test from 'ava';
import { MAXIMUM_LEVELS, TOO_DEEP } from '../model/util/nesting.ts';
import { describeFileError, readFile } from './files.ts';

const TEXT = `# The first is right.
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: right
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: wrong
  labels:
    app.kubernetes.io/name: "a b"
spec:
  hosts: [reviews]
  http:
    - timeout: 5
      route:
        - destination:
            host: reviews
          weight: 90
        - destination: { host: reviews, subset: v2 }
          weight: -1
    - route:
        - weight: 5
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
  host: bad indent
---
# Only a comment.
---
apiVersion: v1
kind: List
items:
  - apiVersion: security.istio.io/v1
    kind: AuthorizationPolicy
    metadata: {name: listed, namespace: shop}
  - apiVersion: security.istio.io/v1
    kind: AuthorizationPolicy
    metadata: {name: broken}
    spec: {rules: [{from: []}]}
`;

test('each error has its line and column, and the right documents of the file go on', t => {
  const { objects, errors } = readFile(TEXT, 'mesh.yaml', 'home');
  t.deepEqual(
    objects.map(({ manifest }) => `${manifest.kind.kind} ${manifest.namespace}/${manifest.name}`),
    ['PeerAuthentication home/right', 'AuthorizationPolicy shop/listed'],
  );
  t.deepEqual(errors.map(describeFileError), [
    'mesh.yaml:12:5: metadata.labels.app.kubernetes.io/name: "a b" is no label value: letters, digits, "-", "_", ".", at most 63, ending in a letter or digit',
    'mesh.yaml:16:7: spec.http[0].timeout: must be a duration, not 5; try "5s"',
    'mesh.yaml:22:11: spec.http[0].route[1].weight: must be a whole number from 0 to 2147483647, not -1',
    'mesh.yaml:24:11: spec.http[1].route[0].destination: is missing; try {host: "reviews"}',
    'mesh.yaml:27:7: Nested mappings are not allowed in compact mappings',
    'mesh.yaml:41:21: spec.rules[0].from: is an empty list; remove it to match every source',
  ]);
});

const whole: readonly [string, string, string[]][] = [
  ['an empty file', '', ['x:1:1: there is no object in this file']],
  [
    'a text',
    'hello',
    ['x:1:1: document: must be a map of fields, not "hello"; an object has apiVersion, kind, metadata'],
  ],
  [
    'a list',
    '[1, 2]',
    ['x:1:1: document: must be a map of fields, not [1,2]; an object has apiVersion, kind, metadata'],
  ],
  [
    'a list of texts',
    'kind: List\nitems: [text]',
    ['x:2:9: document: must be a map of fields, not "text"; an object has apiVersion, kind, metadata'],
  ],
  ['bytes', '\u0000\u0001ELF\ufffd\n\u0000\n\ufffd', ['x:1:1: this is no text: it has a byte 0; save it as UTF-8']],
  [
    'a spec that is a text',
    'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: x',
    ['x:4:1: spec: must be a map of fields, not "x"'],
  ],
  [
    'metadata that is a text',
    'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: reviews\nspec: {host: x}',
    ['x:3:1: metadata: must be a map of fields, not "reviews"'],
  ],
  [
    'a subset that is a text',
    'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec: {host: x, subsets: [v1]}',
    ['x:4:27: spec.subsets[0]: must be a map of fields, not "v1"'],
  ],
  [
    'two objects without a line between',
    'kind: A\napiVersion: x\nkind: B\napiVersion: x',
    ['x:3:1: Map keys must be unique: kind is there twice; is a line of --- missing between two objects?'],
  ],
  ['a name twice', 'a:\n  kind: 1\n  kind: 2', ['x:3:3: Map keys must be unique: kind is there twice']],
  [
    'an unknown anchor',
    'kind: *nothing',
    ['x:1:1: Unresolved alias (the anchor must be set before the alias): nothing'],
  ],
  ['a list that holds itself', 'kind: A\nspec: &a [*a]', [`x:1:1: ${TOO_DEEP}`]],
  ['lists in lists', `[${'['.repeat(MAXIMUM_LEVELS)}${']'.repeat(MAXIMUM_LEVELS)}]`, [`x:1:1: ${TOO_DEEP}`]],
  ['lists in lists without an end', '['.repeat(50_000), [`x:1:1: ${TOO_DEEP}`]],
  ['an unclosed bracket', '{"kind": "A"', ['x:1:13: Flow map must end with a }']],
];

for (const [what, text, messages] of whole)
  test(`refused whole: ${what}`, t => {
    const said = readFile(text, 'x').errors.map(describeFileError);
    // Where in endless depth the reader gave up, its stack decides.
    t.deepEqual(what.endsWith('an end') ? said.map(line => line.replace(/:1:\d+:/, ':1:1:')) : said, messages);
  });

test('aliases that grow without a bound are refused', t => {
  const levels = Array.from(
    { length: 9 },
    (_, index) => `l${index + 1}: &l${index + 1} [${Array(9).fill(`*l${index}`).join(',')}]`,
  );
  const { errors } = readFile(['l0: &l0 [x]', ...levels].join('\n'), 'x');
  t.regex(errors[0]?.message ?? '', /alias/i);
});

test('a field behind an anchor is found', t => {
  const text =
    'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: &n x}\nspec:\n  mtls: {mode: *n}';
  t.deepEqual(
    readFile(text, 'x').errors.map(error => error.where),
    ['x:5:10'],
  );
});
