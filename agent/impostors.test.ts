import test from 'ava';
import { host, port, workload } from './compile/fixtures.ts';
import { Impostors } from './impostors.ts';
import type { Member } from './members.ts';
import type { TcpSocket } from './tcp-table.ts';

const ON = host('a', '10.0.0.1');
const PROXY = 1337;
const SHOP = 3001;

function shop(uid = SHOP, number = 8080): Member {
  const input = workload(ON, 'shop', [port(number)], { selector: { kind: 'user', uid } });
  return { input, identity: 'shop', state: 'joined' };
}

function listener(at: number, uid: number): TcpSocket {
  return { port: at, listens: true, uid, inode: '1' };
}

function told(members: readonly Member[], listeners: readonly TcpSocket[]): readonly string[] {
  const impostors = new Impostors({ captured: () => members, proxyUid: PROXY, listeners: () => listeners });
  return impostors.problems().map(({ where, why }) => `${where}: ${why.split(',', 1)[0]}`);
}

const TOLD = ['workload a/default/shop: user 3009 listens at its port 8080'];
const CASES: readonly [what: string, listeners: readonly TcpSocket[], told: readonly string[]][] = [
  ['nobody listens', [], []],
  ['its own user listens', [listener(8080, SHOP)], []],
  ['root listens', [listener(8080, 0)], []],
  ['another listens', [listener(8080, 3009)], TOLD],
  ['another listens beside it', [listener(8080, 3009), listener(8080, SHOP)], []],
  ['another listens elsewhere', [listener(8081, 3009)], []],
];

for (const [what, listeners, expected] of CASES)
  test(`told of a port where ${what}: ${expected.length > 0}`, t => {
    t.deepEqual(told([shop()], listeners), expected);
  });

test('one that shares its port with another workload is not told of while either serves', t => {
  const other = workload(ON, 'other', [port(8080)], { selector: { kind: 'user', uid: 3009 } });
  t.deepEqual(told([shop(), { input: other, identity: 'other', state: 'joined' }], [listener(8080, 3009)]), []);
});

test('who listens is looked at again after a while only', t => {
  let looks = 0;
  const listeners = (): readonly TcpSocket[] => {
    looks += 1;
    return [];
  };
  const impostors = new Impostors({ captured: () => [shop()], proxyUid: PROXY, listeners });
  impostors.problems();
  impostors.problems();
  t.is(looks, 1);
});
