import test from 'ava';
import type { Encoded } from './resources.ts';
import { Subscription } from './subscription.ts';

/** What there is, by name: the version. */
type Content = Readonly<Record<string, string>>;

/** What a host was sent: `name@version`, and `-name` for what is gone. */
function sent(
  subscription: Subscription,
  content: Content,
  bodyBytes = 1,
): { readonly nonce: string; readonly said: string[] } | undefined {
  const lookUp = (name: string): Encoded | undefined =>
    content[name] === undefined ? undefined : { version: content[name], body: new Uint8Array(bodyBytes) };
  const response = subscription.next(lookUp, 7);
  if (!response) return undefined;
  const resources = response.resources.map(({ name, version }) => `${name}@${version}`);
  return { nonce: response.nonce, said: [...resources, ...response.removed.map(name => `-${name}`)] };
}

interface Case {
  readonly held?: Content;
  readonly wants?: readonly string[];
  readonly all?: true;
  readonly content: Content;
  readonly said: readonly string[] | undefined;
}

const FIRST: Readonly<Record<string, Case>> = {
  'what it asks for by name': { wants: ['a'], content: { a: '1', b: '1' }, said: ['a@1'] },
  'that there is none of a name': { wants: ['a'], content: {}, said: ['-a'] },
  everything: { all: true, content: { a: '1', b: '1' }, said: ['a@1', 'b@1'] },
  'nothing when there is nothing, if it wants all': { all: true, content: {}, said: undefined },
  'nothing of what it holds already': { held: { a: '1' }, wants: ['a'], content: { a: '1' }, said: undefined },
  'what changed while it was away': {
    held: { a: '1', b: '1' },
    wants: ['a', 'b'],
    content: { a: '2', b: '1' },
    said: ['a@2'],
  },
  'what went while it was away': { held: { a: '1', b: '1' }, all: true, content: { b: '1' }, said: ['-a'] },
  'nothing of what it holds and does not ask for': {
    held: { a: '1' },
    wants: ['b'],
    content: { a: '2', b: '1' },
    said: ['b@1'],
  },
};

for (const [what, { held, wants = [], all, content, said }] of Object.entries(FIRST))
  test(`a host that (re)connects is sent ${what}`, t => {
    const subscription = new Subscription('ServiceName', held);
    for (const name of wants) subscription.add(name);
    if (all) subscription.addAll(Object.keys(content));
    t.deepEqual(sent(subscription, content)?.said, said);
  });

test('while a response is on its way nothing is sent, and what changes meanwhile is sent once, as it is then', t => {
  const subscription = new Subscription('ServiceName');
  subscription.add('a');
  subscription.add('b');
  const first = sent(subscription, { a: '1', b: '1' })!;
  t.is(subscription.waitingSince, 7);
  for (const version of ['2', '3', '4']) {
    subscription.mark('a');
    t.is(sent(subscription, { a: version, b: '1' }), undefined);
  }
  subscription.answer('made-up', '');
  t.is(sent(subscription, { a: '4', b: '1' }), undefined, 'another answer counts for nothing');
  subscription.answer(first.nonce, '');
  t.is(subscription.waitingSince, undefined);
  t.deepEqual(sent(subscription, { a: '4', b: '1' })?.said, ['a@4']);
});

test('what changed and changed back is not sent', t => {
  const subscription = new Subscription('ServiceName');
  subscription.add('a');
  subscription.answer(sent(subscription, { a: '1' })!.nonce, '');
  subscription.mark('a');
  t.is(sent(subscription, { a: '1' }), undefined);
});

const ANSWERS: readonly [what: string, error: string, refused: Content, shown: Content][] = [
  ['takes all', '', {}, {}],
  ['refuses one', '', { a: 'no' }, { a: 'no' }],
  ['refuses all', 'never', {}, { a: 'never', b: 'never' }],
  ['refuses what it was not sent', '', { x: 'no' }, {}],
];

for (const [what, error, refused, shown] of ANSWERS)
  test(`a host that ${what}`, t => {
    const subscription = new Subscription('ServiceName');
    subscription.add('a');
    subscription.add('b');
    subscription.answer(sent(subscription, { a: '1', b: '1' })!.nonce, error, refused);
    t.deepEqual(Object.fromEntries([...subscription.refused].map(([name, { reason }]) => [name, reason])), shown);
    t.is(sent(subscription, { a: '1', b: '1' }), undefined, 'what is refused is not sent again');
    for (const name of ['a', 'b']) subscription.mark(name);
    subscription.answer(sent(subscription, { a: '2', b: '2' })!.nonce, '');
    t.is(subscription.refused.size, 0, 'until there is something newer');
  });

test('names that are wanted no more are forgotten, unless everything is wanted', t => {
  const subscription = new Subscription('ServiceName');
  subscription.add('a');
  subscription.answer(sent(subscription, { a: '1' })!.nonce, '');
  subscription.remove('a');
  subscription.mark('a');
  t.false(subscription.wants('a'));
  subscription.addAll(['a']);
  t.deepEqual(sent(subscription, { a: '1' })?.said, ['a@1']);
  subscription.remove('a');
  t.true(subscription.wants('a'));
});

const MANY: readonly [what: string, count: number, bodyBytes: number, sizes: readonly number[]][] = [
  ['many', 2_500, 1, [1_000, 1_000, 500]],
  ['large', 5, 400 * 1024, [3, 2]],
  ['very large', 3, 2 * 1024 * 1024, [1, 1, 1]],
];

for (const [what, count, bodyBytes, expected] of MANY)
  test(`${what} resources come in several responses, each acknowledged`, t => {
    const content = Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, '1']));
    const subscription = new Subscription('ServiceName');
    subscription.addAll(Object.keys(content));
    const sizes: number[] = [];
    const next = (): ReturnType<typeof sent> => sent(subscription, content, bodyBytes);
    for (let response = next(); response; response = next()) {
      sizes.push(response.said.length);
      subscription.answer(response.nonce, '');
    }
    t.deepEqual(sizes, expected);
  });

test('a host may not subscribe to names without end', t => {
  const versions = Object.fromEntries(Array.from({ length: 50_001 }, (_, index) => [`s${index}`, '1']));
  t.throws(() => new Subscription('ServiceName', versions), { code: 'message-invalid' });
  const subscription = new Subscription('ServiceName');
  for (let index = 0; index < 50_000; index += 1) subscription.add(`s${index}`);
  t.throws(() => subscription.add('one more'), { code: 'message-invalid' });
});

test('what one host may have held for it is bounded: the length of names and of reasons', t => {
  const long = 'n'.repeat(10_000);
  const subscription = new Subscription('ServiceView');
  t.throws(() => subscription.add(long), { code: 'message-invalid' });
  t.throws(() => new Subscription('ServiceView', { [long]: '1' }), { code: 'message-invalid' });
  subscription.add(`${'h'.repeat(120)}/${'n'.repeat(63)}/${'w'.repeat(63)}`);
  subscription.answer(sent(subscription, {})!.nonce, long);
  for (const { reason } of subscription.refused.values()) t.true(reason.length < 1_000);
});
