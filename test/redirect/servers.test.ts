import test from 'ava';
import { DELIVERY_PRIORITY } from '../../agent/redirect/spec.ts';
import { startEcho } from '../hosts/apps.ts';
import type { Host } from '../hosts/host.ts';
import { createNetwork } from '../hosts/network.ts';
import { call, SHOP, STRANGER, WEB } from './calls.ts';
import { PROXY, planOf, startCapture } from './capture.ts';

/** Which program the proxy reaches when it delivers there; undefined when none answers. */
async function delivered(host: Host, address: string): Promise<string | undefined> {
  const to = `TCP:${address},so-priority=${DELIVERY_PRIORITY},ip-transparent,connect-timeout=2`;
  const options = { uid: PROXY, transparent: true, input: 'GET / HTTP/1.0\r\n\r\n' };
  const { stdout } = await host.exec(['socat', '-t3', '-', to], options);
  return /"instance":"([^"]*)"/.exec(stdout)?.[1];
}

test('what is delivered to a workload comes to nobody who listens in its place', async t => {
  await using net = await createNetwork({ prefix: 'theft' });
  const a = await net.host('a');
  await Promise.all([
    startEcho(a, 'web', ['127.0.0.1:8080'], { uid: WEB.uid }),
    startEcho(a, 'for web', ['127.0.0.2:8080'], { uid: 0 }),
    startEcho(a, 'stranger', [`${a.address}:8080`, '::1:8080'], { uid: STRANGER }),
    startEcho(a, 'shop', [`${a.address6}:8080`], { uid: SHOP.uid }),
    startEcho(a, 'no workload', [7000], { uid: STRANGER }),
  ]);
  const capture = await startCapture(a);
  t.deepEqual(await capture.apply(planOf([WEB, SHOP])), []);
  const table: [string, string, string | undefined][] = [
    ['its own user', '127.0.0.1:8080', 'web'],
    ['root, who listens for others', '127.0.0.2:8080', 'for web'],
    ['a user that is no workload', `${a.address}:8080`, undefined],
    ['the same, IPv6', '[::1]:8080', undefined],
    ['another workload', `[${a.address6}]:8080`, undefined],
    ['a port of no workload', '127.0.0.1:7000', 'no workload'],
  ];
  for (const [who, address, answer] of table) t.is(await delivered(a, address), answer, who);
  t.is(await call(a, 0, `${a.address}:8080`), 'stranger', 'what is not delivered is as without a mesh');
  // Whose queue is full answers by SYN cookies, which are in nobody's name; here all do.
  await a.run(['sysctl', '-q', '-w', 'net.ipv4.tcp_syncookies=2']);
  t.is(await delivered(a, `${a.address}:8080`), undefined);
});

test('of two workloads with one port neither is served in place of the other', async t => {
  await using net = await createNetwork({ prefix: 'places' });
  const a = await net.host('a');
  const left = { uid: 2003, listenerPort: 20_003, ports: [7070], addresses: ['127.0.0.3', '::1'] };
  const right = { uid: 2004, listenerPort: 20_004, ports: [7070], addresses: ['127.0.0.4', a.address6] };
  await Promise.all([
    startEcho(a, 'left', ['127.0.0.3:7070', `${a.address6}:7070`, '127.0.0.1:7070'], { uid: left.uid }),
    startEcho(a, 'right', ['127.0.0.4:7070', '::1:7070'], { uid: right.uid }),
  ]);
  const capture = await startCapture(a);
  t.deepEqual(await capture.apply(planOf([left, right])), []);
  const table: [string, string | undefined][] = [
    ['127.0.0.3:7070', 'left'],
    ['127.0.0.4:7070', 'right'],
    ['[::1]:7070', undefined],
    [`[${a.address6}]:7070`, undefined],
    ['127.0.0.1:7070', 'left'],
  ];
  for (const [address, answer] of table) t.is(await delivered(a, address), answer, address);
});
