import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { uidOfAsker } from './asker.ts';
import { followResolvConf, parseResolvConf, type Resolvers } from './resolv-conf.ts';

const TEXTS: readonly [text: string, resolvers: Resolvers][] = [
  ['nameserver 10.0.0.2\nnameserver fd00::2', { servers: ['10.0.0.2', 'fd00::2'], rotate: false }],
  ['# c\n; c\n\tnameserver\t10.0.0.2  \nsearch a b', { servers: ['10.0.0.2'], rotate: false }],
  ['nameserver fe80::1%eth0\noptions ndots:2 rotate', { servers: ['fe80::1%eth0'], rotate: true }],
  [
    'nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4',
    { servers: ['1.1.1.1', '1.1.1.2', '1.1.1.3'], rotate: false },
  ],
  ['nameserver nonsense\nnameserver', { servers: ['127.0.0.1'], rotate: false }],
  ['', { servers: ['127.0.0.1'], rotate: false }],
];

for (const [text, resolvers] of TEXTS) {
  test(`resolv.conf ${JSON.stringify(text)}`, t => {
    t.deepEqual(parseResolvConf(text), resolvers);
  });
}

test('a file that is replaced, removed, cannot be read and is written again is followed', async t => {
  const folder = makeFolder('resolv');
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'resolv.conf');
  const stop = new AbortController();
  const seen: string[] = [];
  let changed = Promise.withResolvers<void>();
  const say = (what: string): void => {
    seen.push(what);
    changed.resolve();
  };
  const next = async (write: () => Promise<void>): Promise<string> => {
    changed = Promise.withResolvers();
    await write();
    await changed.promise;
    return seen.at(-1)!;
  };
  const following = followResolvConf(
    path,
    { onChange: ({ servers }) => say(servers.join()), onUnreadable: say },
    stop.signal,
    { now: Date.now, sleep: () => new Promise(resolve => setTimeout(resolve, 5)) },
  );
  await changed.promise;
  t.is(seen[0], '127.0.0.1');
  t.is(await next(() => writeFile(path, 'nameserver 10.0.0.1\n')), '10.0.0.1');
  await writeFile(`${path}.new`, 'nameserver 10.0.0.2\n');
  t.is(await next(() => rename(`${path}.new`, path)), '10.0.0.2');
  t.is(await next(() => rm(path)), '127.0.0.1');
  t.regex(await next(() => mkdir(path)), /EISDIR/);
  await rm(path, { recursive: true });
  t.is(await next(() => writeFile(path, 'nameserver 10.0.0.3\n')), '10.0.0.3');
  stop.abort();
  await following;
});

test('the owner of a socket is found by its address and port', async t => {
  const line = (local: string, uid: number): string =>
    `  12: ${local} 00000000:0000 07 00000000:00000000 00:00000000 00000000  ${uid}        0 26142 2 0000000000000000 0`;
  const tables: Record<string, string> = {
    udp: ['header', line('0100007F:D431', 101), line('0100007F:1F90', 2001), line('00000000:1F91', 2002)].join('\n'),
    udp6: [
      'header',
      line('0000000000000000FFFF00000100007F:1F92', 2003),
      line('00000000000000000000000001000000:1F93', 2004),
    ].join('\n'),
    tcp: 'header',
    tcp6: 'header',
  };
  const uid = (protocol: 'udp' | 'tcp', address: string, port: number): Promise<number | undefined> =>
    uidOfAsker({ protocol, address, port }, async name => tables[name]!);
  t.is(await uid('udp', '127.0.0.1', 8080), 2001);
  t.is(await uid('udp', '10.0.0.1', 8080), undefined);
  t.is(await uid('udp', '10.0.0.1', 8081), 2002);
  t.is(await uid('udp', '127.0.0.1', 8082), 2003);
  t.is(await uid('udp', '::1', 8083), 2004);
  t.is(await uid('tcp', '127.0.0.1', 8080), undefined);
});
