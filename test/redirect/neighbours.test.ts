import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import type { Host } from '../hosts/host.ts';
import { createNetwork } from '../hosts/network.ts';
import { loadRules } from '../hosts/rules.ts';
import { call, STRANGER, VIP4, WEB } from './calls.ts';
import { PROXY, planOf, startCapture } from './capture.ts';
import { startTransparent } from './transparent.ts';

const FOREIGN = `
table inet isthmus-not {
  set alive { type mark; elements = { 1 } }
  chain c { type nat hook output priority -105; policy accept; }
}
table ip firewall {
  map ports { type inet_service : verdict; elements = { 22 : accept, 80 : drop } }
  chain input {
    type filter hook input priority 0; policy accept;
    tcp dport vmap @ports
    ip saddr 10.9.0.0/16 counter drop
  }
}
`;

async function rules(host: Host): Promise<string> {
  const nft = await host.run(['/usr/sbin/nft', 'list', 'ruleset']);
  const routes = await Promise.all(
    ['-4', '-6'].map(family => host.run(['ip', family, 'route', 'show', 'table', 'all'])),
  );
  // The kernel adds link-local addresses in its own time.
  return [nft, ...routes.map(text => text.replace(/.*fe80:.*\n/g, ''))].join('\n');
}

/** The numbers of what runs there; namespaces have their names outside of the mount namespace of a host. */
async function programsOf(host: Host): Promise<string> {
  return (await promisify(execFile)('ip', ['netns', 'pids', host.namespace])).stdout.trim();
}

async function addForeign(host: Host): Promise<void> {
  await host.run(['sh', '-c', 'cat | /usr/sbin/nft -f -'], { input: FOREIGN });
  await host.run([
    'iptables-nft',
    '-t',
    'nat',
    '-A',
    'OUTPUT',
    '-p',
    'tcp',
    '--dport',
    '81',
    '-j',
    'REDIRECT',
    '--to-ports',
    '82',
  ]);
  await host.run(['ip', 'route', 'add', '240.0.0.0/4', 'dev', 'lo']);
}

test('uninstall leaves rules and routes byte for byte as they were, with those of others in place', async t => {
  await using net = await createNetwork({ prefix: 'bytes' });
  const a = await net.host('a');
  await addForeign(a);
  const before = await rules(a);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  await capture.run();
  await capture.apply(planOf([WEB, { ...WEB, uid: 2002, listenerPort: 20_002 }]));
  t.regex(await rules(a), /jump to_20002/);
  // Who saves the rules of a host loads them again at its next start.
  const saved = await a.run(['/usr/sbin/nft', '-s', 'list', 'ruleset']);
  await loadRules(a, saved, '--check');
  await capture.uninstall();
  t.is(await rules(a), before);
  await capture.uninstall();
  t.is(await rules(a), before);
});

test('killed at any moment, it leaves the whole table or none, and the next one goes on from there', async t => {
  await using net = await createNetwork({ prefix: 'crash' });
  const a = await net.host('a');
  await addForeign(a);
  const before = await rules(a);
  const users = Array.from({ length: 200 }, (_, index) => ({
    uid: 3000 + index,
    listenerPort: 20_000 + index,
    ports: [4000 + index],
    addresses: [],
  }));
  const whole = /chain to_20199 \{[^}]*accept\n\t\}\n\}\n$/;
  for (let kill = 0; kill < 8; kill += 1) {
    const capture = await startCapture(a);
    // Endings in the middle of a first, of a second and of later changes.
    const work = (async () => {
      for (;;) {
        await capture.apply(planOf(users));
        await capture.apply({ ...planOf(users), host: { ...planOf(users).host, proxyUid: 1338 } });
      }
    })();
    work.catch(() => undefined);
    await delay(8 * kill);
    await capture.running.kill('SIGKILL');
    // The nft that it had started goes on to its end; what is listed meanwhile is of two minds.
    await eventually(
      'nothing runs on the host any more',
      () => programsOf(a),
      programs => programs === '',
    );
    const table = await a.exec(['/usr/sbin/nft', 'list', 'table', 'inet', 'isthmus']);
    if (table.code === 0) {
      t.true(whole.test(table.stdout), table.stdout.slice(-500));
      t.is(table.stdout.match(/ : jump to_2\d{4}/g)?.length, 200);
    }
    const next = await startCapture(a);
    await next.apply(planOf([WEB]));
    t.is((await a.run(['/usr/sbin/nft', 'list', 'map', 'inet', 'isthmus', 'outbound'])).match(/ : /g)?.length, 2);
    await next.uninstall();
    t.is(await rules(a), before);
    await next.running.kill('SIGKILL');
  }
});

test('rules that another program flushes come back by themselves', async t => {
  await using net = await createNetwork({ prefix: 'flush' });
  const a = await net.host('a');
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  await capture.run();
  const wanted = await a.run(['/usr/sbin/nft', '-s', 'list', 'ruleset']);
  for (const harm of ['flush ruleset', 'flush chain inet isthmus in', 'delete element inet isthmus users { 2001 }']) {
    t.deepEqual(await capture.problems(), []);
    await a.run(['/usr/sbin/nft', harm]);
    const look = (): Promise<string> => a.run(['/usr/sbin/nft', '-s', 'list', 'ruleset']);
    await t.notThrowsAsync(eventually(harm, look, now => now === wanted, { timeoutMs: 25_000, pauseMs: 100 }));
  }
  const [again] = await capture.problems();
  t.is(again?.where, 'capture rules of the host');
  t.regex(again?.why ?? '', /^someone removed or changed them 3 times within 5 minutes, and calls fail/);
});

test('that rules which were flushed cannot be put back is told of until they are', async t => {
  await using net = await createNetwork({ prefix: 'unmended' });
  const a = await net.host('a');
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  await capture.run();
  // Seen by this program alone: it has a mount namespace of its own.
  const inside = ['nsenter', `--target=${capture.running.pid}`, '--mount'];
  await a.run([...inside, 'mount', '--bind', '/bin/false', '/usr/sbin/nft']);
  await a.run(['/usr/sbin/nft', 'flush', 'ruleset']);
  const told = await eventually(
    'a problem',
    () => capture.problems(),
    problems => problems.length > 0,
  );
  t.is(told[0]?.where, 'capture rules of the host');
  t.regex(told[0]?.why ?? '', /^cannot be checked or put back, which is tried again each second: /);
  await a.run([...inside, 'umount', '/usr/sbin/nft']);
  await eventually(
    'no problem',
    () => capture.problems(),
    problems => problems.length === 0,
  );
  t.regex(await a.run(['/usr/sbin/nft', 'list', 'ruleset']), /table inet isthmus/);
});

test('a port that another program leads elsewhere is captured all the same when a virtual IP is called', async t => {
  await using net = await createNetwork({ prefix: 'published' });
  const a = await net.host('a');
  await Promise.all([
    startTransparent(a, 'listener of web', 20_001, PROXY),
    startEcho(a, 'published', [7000], { uid: STRANGER }),
  ]);
  // As container engines do it for ports that they publish; virtual IPs are local addresses.
  const published = `
    table ip others {
      chain output {
        type nat hook output priority -100
        tcp dport 9080 fib daddr type local redirect to :7000
      }
      chain input {
        type filter hook input priority 0
        ct state invalid drop
      }
    }
  `;
  await loadRules(a, published);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  t.is(await call(a, WEB.uid, '127.0.0.1:9080'), 'published');
  t.is(await call(a, WEB.uid, `${VIP4}:9080`), 'listener of web');
});

test('marks that others set on what leaves lead nobody past policy', async t => {
  await using net = await createNetwork({ prefix: 'marks' });
  const a = await net.host('a');
  await Promise.all([
    startTransparent(a, 'listener of web', 20_001, PROXY),
    startTransparent(a, 'inbound', 15_006, PROXY),
    startEcho(a, 'web', [8080], { uid: WEB.uid }),
  ]);
  // As hosts with several ways out do it.
  const marks = `
    table ip others {
      chain output {
        type route hook output priority mangle
        meta mark set 0x7
      }
    }
  `;
  await loadRules(a, marks);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB]));
  t.is(await call(a, STRANGER, '127.0.0.1:8080'), 'inbound');
  t.is(await call(a, WEB.uid, `${VIP4}:9080`), 'listener of web');
});

test('questions for names pass a firewall that lets pass what is new or known', async t => {
  await using net = await createNetwork({ prefix: 'firewall' });
  const [a, b] = [await net.host('a'), await net.host('b')];
  const firewall = `
    table inet others {
      chain output {
        type filter hook output priority 0; policy drop
        oif "lo" accept
        ct state new,established,related accept
      }
      chain input {
        type filter hook input priority 0; policy drop
        ct state established,related accept
        ct state invalid drop
        iif "lo" accept
      }
    }
  `;
  await loadRules(a, firewall);
  const capture = await startCapture(a);
  await capture.apply(planOf([WEB], [], [b.address]));
  await capture.run();
  for (const kind of ['UDP', 'TCP']) {
    a.spawn(['socat', `${kind}4-LISTEN:15054,bind=127.0.0.1,fork,reuseaddr`, 'SYSTEM:"read -r line; echo answered"']);
    const ask = (): Promise<string> =>
      a.run(['sh', '-c', `echo | socat -t2 -T2 - ${kind}:${b.address}:53 2>&1 || true`], { uid: WEB.uid });
    await eventually(`an answer by ${kind}`, ask, answer => answer === 'answered\n', { timeoutMs: 10_000 });
  }
  t.pass();
});
