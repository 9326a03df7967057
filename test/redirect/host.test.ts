import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { DELIVERY_PRIORITY } from '../../agent/redirect/spec.ts';
import { writeAtomic } from '../../manager/model/util/files.ts';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import type { Place } from '../hosts/host.ts';
import { createNetwork } from '../hosts/network.ts';
import { call, SHOP, STRANGER, VIP4, VIP6, WEB } from './calls.ts';
import { PROXY, planOf, RANGES, startCapture } from './capture.ts';
import { startTransparent } from './transparent.ts';

test('traffic goes where its user and destination say', async t => {
  await using net = await createNetwork({ prefix: 'user' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  await Promise.all([
    startTransparent(a, 'listener of web', 20_001, PROXY),
    startTransparent(a, 'listener of shop', 20_002, PROXY),
    startEcho(a, 'collector', [24_224], { uid: STRANGER }),
    startTransparent(a, 'inbound', 15_006, PROXY),
    startEcho(a, 'web', [8080], { uid: WEB.uid }),
    startEcho(a, 'shop', [9080], { uid: SHOP.uid }),
    startEcho(a, 'no workload', [7000], { uid: STRANGER }),
    startEcho(b, 'b', [8080]),
  ]);
  const capture = await startCapture(a);
  t.deepEqual(await capture.apply(planOf([WEB, SHOP])), []);
  await b.run(['ip', 'route', 'add', '240.240.0.0/16', 'via', a.address]);
  await b.run(['ip', 'route', 'add', 'fd69:7374:686d::/48', 'via', a.address6]);
  const table: [string, Place, number, string, string][] = [
    ['its own listener', a, WEB.uid, `${VIP4}:9080`, 'listener of web'],
    ['its own listener, IPv6', a, WEB.uid, `${VIP6}:9080`, 'listener of web'],
    ['any port of a virtual IP, also that of a listener', a, WEB.uid, `${VIP4}:20002`, 'listener of web'],
    ['the other user, the other listener', a, SHOP.uid, `${VIP4}:9080`, 'listener of shop'],
    ['a user that is no workload is refused', a, STRANGER, `${VIP4}:9080`, 'curl 7'],
    ['and by IPv6', a, STRANGER, `${VIP6}:9080`, 'curl 7'],
    ['the proxy is not captured', a, PROXY, `${VIP4}:9080`, 'curl 7'],
    ['an address outside of the mesh is left alone', a, WEB.uid, `${b.address}:8080`, 'b'],
    ["another's listener", a, WEB.uid, '127.0.0.1:20002', 'curl 7'],
    ["another's listener, IPv6", a, WEB.uid, '[::1]:20002', 'curl 7'],
    ["another's listener by another address", a, WEB.uid, '127.0.0.9:20002', 'curl 7'],
    ['its own listener without a virtual IP', a, WEB.uid, '127.0.0.1:20001', 'curl 7'],
    ['a stranger at a listener', a, STRANGER, '127.0.0.1:20001', 'curl 7'],
    ['root at a listener', a, 0, '127.0.0.1:20001', 'curl 7'],
    ['another host at a listener', b, 0, `${a.address}:20001`, 'curl 7'],
    ['a port that a listener might have had', a, WEB.uid, '127.0.0.1:24224', 'collector'],
    ['the same, for the proxy', a, PROXY, `${a.address}:24224`, 'collector'],
    ['the same, from another host', b, 0, `${a.address}:24224`, 'collector'],
    ['inbound by its own port', a, WEB.uid, '127.0.0.1:15006', 'curl 7'],
    ['inbound by its own port, from another host', b, 0, `${a.address}:15006`, 'curl 7'],
    ["another workload's port is policed", a, WEB.uid, '127.0.0.1:9080', 'inbound'],
    ["another workload's port by the host's address", a, WEB.uid, `${a.address}:9080`, 'inbound'],
    ["another workload's port, IPv6", a, WEB.uid, '[::1]:9080', 'inbound'],
    ['its own port is not', a, WEB.uid, '127.0.0.1:8080', 'web'],
    ['a stranger at a workload is policed', a, STRANGER, '127.0.0.1:8080', 'inbound'],
    ['root is not', a, 0, '127.0.0.1:8080', 'web'],
    ['where a registry sends the proxy is policed', a, PROXY, '127.0.0.1:8080', 'inbound'],
    ["where a registry sends the proxy by the host's address", a, PROXY, `[${a.address6}]:8080`, 'inbound'],
    ['the proxy at what is no port of a workload', a, PROXY, '127.0.0.1:7000', 'no workload'],
    ['a virtual IP from another host', b, 0, `${VIP4}:80`, 'curl 7'],
    ['a virtual IP from another host, at a port of a workload', b, 0, `${VIP4}:9080`, 'curl 7'],
    ['a virtual IP from another host, at that of a listener', b, 0, `${VIP4}:20001`, 'curl 7'],
    ['a virtual IP from another host, IPv6', b, 0, `${VIP6}:9080`, 'curl 7'],
    ['from another host', b, 0, `${a.address}:8080`, 'inbound'],
    ['from another host, IPv6', b, 0, `[${a.address6}]:8080`, 'inbound'],
  ];
  for (const [what, from, uid, address, answer] of table) t.is(await call(from, uid, address), answer, what);
  const deliver = ['socat', '-t3', '-', `TCP:127.0.0.1:8080,so-priority=${DELIVERY_PRIORITY}`];
  const delivered = await a.run(deliver, { uid: PROXY, input: 'GET / HTTP/1.0\r\n\r\n' });
  t.regex(delivered, /"instance":"web"/, 'the proxy delivers');
});

test('of two workloads with one port neither reaches the other past its policy, and each reaches itself', async t => {
  await using net = await createNetwork({ prefix: 'shared' });
  const a = await net.host('a');
  const left = { uid: 2003, listenerPort: 20_003, ports: [7070], addresses: ['127.0.0.3', '::1'] };
  const right = { uid: 2004, listenerPort: 20_004, ports: [7070], addresses: ['127.0.0.4', a.address6] };
  const rest = { uid: 2005, listenerPort: 20_005, ports: [7070], addresses: [] };
  await Promise.all([
    startTransparent(a, 'inbound', 15_006, PROXY),
    startEcho(a, 'left', ['127.0.0.3:7070', '::1:7070'], { uid: left.uid }),
    startEcho(a, 'right', ['127.0.0.4:7070', `${a.address6}:7070`], { uid: right.uid }),
    startEcho(a, 'rest', [`${a.address}:7070`], { uid: rest.uid }),
  ]);
  const capture = await startCapture(a);
  t.deepEqual(await capture.apply(planOf([left, right, rest])), []);
  const table: [number, string, string][] = [
    [left.uid, '127.0.0.3:7070', 'left'],
    [left.uid, '[::1]:7070', 'left'],
    [left.uid, '127.0.0.4:7070', 'inbound'],
    [left.uid, `[${a.address6}]:7070`, 'inbound'],
    [left.uid, `${a.address}:7070`, 'inbound'],
    [right.uid, '127.0.0.4:7070', 'right'],
    [right.uid, `[${a.address6}]:7070`, 'right'],
    [right.uid, '127.0.0.3:7070', 'inbound'],
    [right.uid, '[::1]:7070', 'inbound'],
    [rest.uid, `${a.address}:7070`, 'rest'],
    [rest.uid, '127.0.0.3:7070', 'inbound'],
    [rest.uid, '[::1]:7070', 'inbound'],
    [STRANGER, '127.0.0.3:7070', 'inbound'],
    [0, '127.0.0.3:7070', 'left'],
  ];
  for (const [uid, address, answer] of table) t.is(await call(a, uid, address), answer, `${uid} at ${address}`);
});

test('what a program still had to say when it ended arrives', async t => {
  await using net = await createNetwork({ prefix: 'orphan' });
  const a = await net.host('a');
  // It reads late, so that what was sent waits in the socket of a program that is gone by then.
  const late = `SYSTEM:"read -r go < ${a.folder}/gate; wc -c > ${a.folder}/came"`;
  await a.run(['mkfifo', '-m', '666', `${a.folder}/gate`]);
  await a.run(['install', '-m', '666', '/dev/null', `${a.folder}/came`]);
  await startTransparent(a, 'late', 20_001, PROXY, late);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  const bytes = 3_000_000;
  const send = `head -c ${bytes} /dev/zero | socat -u -b ${bytes} - TCP:${VIP4}:80,sndbuf=${2 * bytes}`;
  await a.run(['sh', '-c', send], { uid: WEB.uid });
  await a.run(['sh', '-c', `echo go > ${a.folder}/gate`]);
  const came = await eventually('all of it', () => a.run(['cat', `${a.folder}/came`]), Boolean);
  t.is(came, `${bytes}\n`);
});

test('a virtual IP that nobody captures is refused at once, whatever the protocol, and also for what is passed on', async t => {
  await using net = await createNetwork({ prefix: 'refuse' });
  const a = await net.host('a');
  const container = await a.container('c1');
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  const started = performance.now();
  t.is(await call(container, 0, `${VIP4}:80`), 'curl 7');
  const udp = await a.exec(['socat', '-t5', '-', 'UDP:240.240.0.7:99'], { uid: WEB.uid, input: 'x' });
  t.regex(udp.stderr, /Operation not permitted|Connection refused/);
  t.true(performance.now() - started < 4000);
});

test('a call from a port that just called another service is taken for no packet of that call', async t => {
  await using net = await createNetwork({ prefix: 'ports' });
  const a = await net.host('a');
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  const program = new URL('same-ports.ts', import.meta.url).pathname;
  const rejected = async (): Promise<string> => {
    const counters = await a.run(['cat', '/proc/net/netstat']);
    const [names = [], values = []] = counters.split('\n').map(line => line.split(' '));
    return values[names.indexOf('PAWSTimewait')]!;
  };
  t.is(await rejected(), '0');
  await startTransparent(a, 'listener of web', WEB.listenerPort, PROXY);
  const told = await a.run([process.execPath, program], { uid: WEB.uid, readAll: true });
  t.is(told, 'called 32\n');
  t.is(await rejected(), '0');
});

test('virtual IPs are still called when the address of the host goes, and from the new one when it comes', async t => {
  await using net = await createNetwork({ prefix: 'moves' });
  const a = await net.host('a');
  await startTransparent(a, 'listener of web', 20_001, PROXY);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  await capture.run();
  const from = async (): Promise<string> => {
    const exit = await a.exec(['curl', '-sS', '-w', '%{local_ip}', '-o', '/dev/null', `http://${VIP4}/`], {
      uid: WEB.uid,
    });
    return exit.stdout || exit.stderr;
  };
  t.is(await from(), a.address);
  await a.run(['ip', '-4', 'addr', 'flush', 'dev', 'eth0']);
  t.is(await from(), '127.0.0.1');
  await a.run(['ip', 'addr', 'add', '10.77.0.99/24', 'dev', 'eth0']);
  await eventually('calls come from the new address', from, address => address === '10.77.0.99');
});

test('routes that an agent of an earlier version left give way', async t => {
  await using net = await createNetwork({ prefix: 'earlier' });
  const a = await net.host('a');
  await startTransparent(a, 'listener of web', 20_001, PROXY);
  for (const range of RANGES) await a.run(['ip', 'route', 'add', range, 'dev', 'lo', 'proto', '105', 'metric', '4096']);
  const capture = await startCapture(a);
  t.deepEqual(await capture.apply(planOf([WEB])), []);
  t.is(await call(a, WEB.uid, `${VIP4}:9080`), 'listener of web');
  t.is(await call(a, WEB.uid, `${VIP6}:9080`), 'listener of web');
  await capture.uninstall();
  t.is(await a.run(['ip', 'route', 'show', 'table', 'all', 'proto', '105']), '');
});

test('what it remembers may be damaged, or lie on a disk that takes no writes', async t => {
  await using net = await createNetwork({ prefix: 'memory' });
  const a = await net.host('a');
  const [place, other] = [await a.container('c1'), await a.container('c2')];
  const inside = (): Promise<string> => place.run(['/usr/sbin/nft', 'list', 'tables']);
  const plan = planOf([WEB], [{ place, ports: [8080] }]);
  await writeAtomic(join(a.stateDir, 'redirect.json'), '["/run');
  const capture = await startCapture(a);
  t.deepEqual(await capture.apply(plan), []);
  t.regex(await inside(), /isthmus/);
  await capture.running.kill();
  const next = await startCapture(a, 0, true);
  t.deepEqual(await next.apply(plan), []);
  t.deepEqual(await next.apply(planOf([WEB], [{ place: other, ports: [8080] }])), []);
  t.regex(await other.run(['/usr/sbin/nft', 'list', 'tables']), /isthmus/);
  t.is(await inside(), '');
  await next.uninstall();
  t.is(await other.run(['/usr/sbin/nft', 'list', 'tables']), '');
  t.deepEqual(await next.apply(plan), []);
  await next.running.kill();
  await (await startCapture(a)).uninstall();
  t.is(await inside(), '');
  await writeAtomic(join(a.stateDir, 'redirect.json'), '["/run');
  await (await startCapture(a)).uninstall();
  await rm(join(a.stateDir, 'redirect.json'));
  await mkdir(join(a.stateDir, 'redirect.json'));
  await (await startCapture(a)).uninstall();
});

test('elements change alone, and established connections go on', async t => {
  await using net = await createNetwork({ prefix: 'change' });
  const a = await net.host('a');
  const listener = await startTransparent(a, 'old', 20_001, PROXY, 'PIPE');
  await startTransparent(a, 'new', 20_003, PROXY);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  const client = a.spawn(['socat', '-', `TCP:${VIP4}:80`], { uid: WEB.uid, keepStdin: true });
  const ask = async (path: string): Promise<string> => {
    client.child.stdin!.write(`${path}\n`);
    return client.line(line => line === path);
  };
  t.is(await ask('/1'), '/1');
  await capture.apply(planOf([{ ...WEB, listenerPort: 20_003 }, SHOP]));
  t.is(await call(a, WEB.uid, `${VIP4}:80`), 'new');
  t.is(await ask('/2'), '/2');
  await capture.apply(planOf([]));
  t.is(await call(a, WEB.uid, `${VIP4}:80`), 'curl 7');
  t.is(await ask('/3'), '/3');
  t.is(listener.child.exitCode, null);
});

test('users that cannot be captured do not keep the others from it', async t => {
  await using net = await createNetwork({ prefix: 'root' });
  const a = await net.host('a');
  await startTransparent(a, 'listener of web', 20_001, PROXY);
  const capture = await startCapture(a);
  const problems = await capture.apply(
    planOf([{ ...WEB, uid: 0 }, WEB, { ...WEB, uid: PROXY }, { ...SHOP, uid: WEB.uid }]),
  );
  t.deepEqual(
    problems.map(problem => problem.where),
    ['user 0', `user ${PROXY}`, `user ${WEB.uid}`],
  );
  t.is(await call(a, WEB.uid, `${VIP4}:80`), 'listener of web');
});

test('who may not capture is told so in one sentence', async t => {
  await using net = await createNetwork({ prefix: 'plain' });
  const a = await net.host('a');
  const capture = await startCapture(a, 3000);
  const error = await t.throwsAsync(capture.apply(planOf([WEB])));
  t.regex(error!.message, /^Capturing traffic needs root or CAP_NET_ADMIN: run the agent as root\. [^.]+\.$/);
});
