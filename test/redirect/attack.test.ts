import test from 'ava';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import type { Place } from '../hosts/host.ts';
import { createNetwork } from '../hosts/network.ts';
import { portTaken } from '../hosts/sockets.ts';
import { call, SHOP, STRANGER, VIP4, VIP6, WEB } from './calls.ts';
import { PROXY, planOf, startCapture } from './capture.ts';
import { startTransparent } from './transparent.ts';

test('nobody answers in place of the proxy where it listens no more', async t => {
  await using net = await createNetwork({ prefix: 'squat' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  await startEcho(a, 'thief', [20_001, 15_006, 9080, 8080], { uid: SHOP.uid });
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB, SHOP]));
  const table: [Place, number, string][] = [
    [a, WEB.uid, `${VIP4}:9080`],
    [a, WEB.uid, `${VIP6}:9080`],
    [b, 0, `${a.address}:8080`],
    [b, 0, `[${a.address6}]:8080`],
    [a, STRANGER, '127.0.0.1:8080'],
  ];
  const all = (): Promise<string[]> => Promise.all(table.map(([from, uid, address]) => call(from, uid, address)));
  t.deepEqual(await all(), Array(table.length).fill('curl 7'));
  // Whose queue is full answers by SYN cookies, which are in nobody's name; here all do.
  await a.run(['sysctl', '-q', '-w', 'net.ipv4.tcp_syncookies=2']);
  t.deepEqual(await all(), Array(table.length).fill('curl 7'));
});

test("where its own listener is away a workload reaches nobody else's, whatever port it dials", async t => {
  await using net = await createNetwork({ prefix: 'away' });
  const a = await net.host('a');
  await Promise.all([
    startTransparent(a, 'listener of shop', SHOP.listenerPort, PROXY),
    startTransparent(a, 'inbound', 15_006, PROXY),
  ]);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB, SHOP]));
  const table = [SHOP.listenerPort, 15_006, WEB.listenerPort].flatMap(port => [`${VIP4}:${port}`, `${VIP6}:${port}`]);
  for (const address of table) t.is(await call(a, WEB.uid, address), 'curl 7', address);
  t.is(await call(a, SHOP.uid, `${VIP4}:${WEB.listenerPort}`), 'listener of shop');
});

test('a workload is policed also when it is called from where others answer', async t => {
  await using net = await createNetwork({ prefix: 'sources' });
  const a = await net.host('a');
  await startTransparent(a, 'inbound', 15_006, PROXY);
  await startEcho(a, 'web', [8080], { uid: WEB.uid });
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB, SHOP]));
  await eventually(
    'nobody answers names',
    () => a.run(['/usr/sbin/nft', 'list', 'set', 'inet', 'isthmus', 'alive']),
    set => !set.includes('elements'),
  );
  for (const port of ['15053', '15054', '15055', '15056'])
    for (const address of ['127.0.0.1', '[::1]'])
      t.is(await call(a, STRANGER, `${address}:8080`, ['--local-port', port]), 'inbound', `${address} ${port}`);
});

test('nothing gets to a workload from a virtual IP, not even what comes along with a packet that opens a connection', async t => {
  await using net = await createNetwork({ prefix: 'fast' });
  const a = await net.host('a');
  // Requests may come in such packets, of whoever never called before.
  await a.run(['sysctl', '-q', '-w', 'net.ipv4.tcp_fastopen=0x607']);
  await startEcho(a, 'shop', [9080], { uid: SHOP.uid });
  const came = `${a.folder}/came`;
  a.spawn(['socat', '-u', 'TCP-LISTEN:8080,fork', `CREATE:${came}`]);
  await portTaken(a, 8080);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB, SHOP]));
  const flags = ['--interface', 'host!240.240.0.9', '--tcp-fastopen'];
  t.regex(await call(a, STRANGER, '127.0.0.1:8080', flags), /^curl (7|28)$/);
  t.is((await a.exec(['cat', came])).stdout, '');
});

test('a call from a port of one that just ended reaches nobody else where the proxy listens no more', async t => {
  await using net = await createNetwork({ prefix: 'waiting' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  const proxy = await Promise.all([
    startTransparent(a, 'listener of web', WEB.listenerPort, PROXY),
    startTransparent(a, 'inbound', 15_006, PROXY),
  ]);
  await startTransparent(a, 'listener of shop', SHOP.listenerPort, PROXY);
  await startEcho(a, 'web', [8080], { uid: WEB.uid });
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB, SHOP]));
  const table: [Place, number, string, string][] = [
    [a, WEB.uid, `${VIP4}:${SHOP.listenerPort}`, 'listener of web'],
    [a, WEB.uid, `${VIP6}:${SHOP.listenerPort}`, 'listener of web'],
    [a, STRANGER, '127.0.0.1:8080', 'inbound'],
    [b, 0, `${a.address}:8080`, 'inbound'],
    [b, 0, `[${a.address6}]:8080`, 'inbound'],
  ];
  const calls = (): Promise<string[]> =>
    Promise.all(
      table.map(([from, uid, address], place) => call(from, uid, address, ['--local-port', `${33_001 + place}`])),
    );
  t.deepEqual(
    await calls(),
    table.map(([, , , answer]) => answer),
  );
  for (const listener of proxy) await listener.kill('SIGKILL');
  // Whether it is refused or waits for the next proxy.
  for (const answer of await calls()) t.regex(answer, /^curl (7|28)$/);
});

test('calls are captured also where a queue is so full that the kernel keeps no note of them, and none are tracked', async t => {
  await using net = await createNetwork({ prefix: 'cookies' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  await Promise.all([
    startTransparent(a, 'listener of web', 20_001, PROXY),
    startTransparent(a, 'inbound', 15_006, PROXY),
    startEcho(a, 'web', [8080], { uid: WEB.uid }),
    startEcho(a, 'anyone', [80]),
  ]);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  await a.run(['sysctl', '-q', '-w', 'net.ipv4.tcp_syncookies=2']);
  const table: [Place, number, string, string][] = [
    [a, WEB.uid, `${VIP4}:80`, 'listener of web'],
    [a, WEB.uid, `${VIP6}:80`, 'listener of web'],
    [a, STRANGER, '127.0.0.1:8080', 'inbound'],
    [b, 0, `${a.address}:8080`, 'inbound'],
    [b, 0, `[${a.address6}]:8080`, 'inbound'],
  ];
  for (const [from, uid, address, answer] of table) t.is(await call(from, uid, address), answer, address);
  t.is(await a.run(['sysctl', '-n', 'net.netfilter.nf_conntrack_count']), '0\n');
});
