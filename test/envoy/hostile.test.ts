import type { OutgoingHttpHeaders } from 'node:http2';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { SOURCE_KEY } from '../../agent/compile/names.ts';
import { type HostileWorld, hostileWorld, id, sni, type TargetName } from './hostile-world.ts';
import { knockPlain, knockTls, knockTunnel, type Outcome } from './knock.ts';

const test = anyTest as TestFn<{ world: HostileWorld }>;
type Context = ExecutionContext<{ world: HostileWorld }>;

test.before(async t => {
  t.timeout(60_000);
  t.context.world = await hostileWorld();
});
test.after.always(async t => {
  await t.context.world?.[Symbol.asyncDispose]();
});

/** Who was reached by what is done meanwhile. */
async function reachedBy(t: Context, work: () => Promise<unknown>): Promise<string[]> {
  const { targets } = t.context.world;
  const before = Object.values(targets).map(({ reached }) => reached);
  await work();
  return Object.keys(targets).filter((name, index) => targets[name as TargetName].reached !== before[index]);
}

const at = (t: Context, name: TargetName, to = sni(name)): string => `${to}:${t.context.world.targets[name].port}`;
const CONNECT = { ':method': 'CONNECT' };
type Words = (t: Context) => OutgoingHttpHeaders;
const asks =
  (name: TargetName, more: OutgoingHttpHeaders = {}): Words =>
  t => ({ ...CONNECT, ':authority': at(t, name), ...more });
const forAddress =
  (address: string): Words =>
  t => ({ ...CONNECT, ':authority': at(t, 'ledger', address) });
const claims = {
  'x-forwarded-client-cert': `By=${id('ledger')};URI=${id('web')}`,
  [SOURCE_KEY]: id('web'),
  'x-envoy-original-dst-host': '127.0.0.1:1',
  'x-forwarded-for': '127.0.0.1',
  baggage: `principal=${id('web')}`,
};
const huge = (count: number, size: number): OutgoingHttpHeaders =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'a'.repeat(size)]));

const TUNNELS: readonly [what: string, who: string, name: string, words: Words, outcome: RegExp, reached?: string][] = [
  ['who may, may', 'web', sni('reviews'), asks('reviews'), /^200 HTTP\/1.1 200.*reviews$/s, 'reviews'],
  ['who may, may, in TCP too', 'web', sni('ledger'), asks('ledger'), /ledger$/, 'ledger'],
  ['where all may', 'other', sni('open'), asks('open'), /open$/, 'open'],
  ['who may not, in HTTP', 'other', sni('reviews'), asks('reviews'), /^200 HTTP\/1.1 403.*sa\/other is refused/s],
  ['who may not, in TCP', 'other', sni('ledger'), asks('ledger'), /^403$/],
  ['another workload through one that is open', 'other', sni('open'), asks('ledger'), /^404$/],
  ['another workload through one that is open, by who may', 'web', sni('open'), asks('ledger'), /^404$/],
  [
    'in capital letters',
    'other',
    sni('open'),
    t => ({ ...CONNECT, ':authority': at(t, 'ledger').toUpperCase() }),
    /^404$/,
  ],
  [
    'in capital letters, its own',
    'other',
    sni('ledger'),
    t => ({ ...CONNECT, ':authority': at(t, 'ledger').toUpperCase() }),
    /^40[34]$/,
  ],
  ['with a final dot', 'other', sni('open'), forAddress(`${sni('ledger')}.`), /^404$/],
  ['with a user before it', 'other', sni('open'), forAddress(`${sni('open')}@${sni('ledger')}`), /^(404|400|closed)$/],
  ['an address', 'other', sni('open'), forAddress('127.0.0.1'), /^404$/],
  ['an IPv6 address', 'other', sni('open'), forAddress('[::1]'), /^404$/],
  ['a star', 'other', sni('open'), forAddress('*'), /^404$/],
  ['no authority', 'other', sni('open'), () => ({ ...CONNECT, ':authority': '' }), /^(40[04]|not sent|closed)$/],
  [
    'an open name at a port that it has not',
    'other',
    sni('open'),
    t => ({ ...CONNECT, ':authority': `${sni('open')}:${t.context.world.targets.ledger.port}` }),
    /^404$/,
  ],
  [
    'a cluster by its name',
    'other',
    sni('open'),
    t => ({ ...CONNECT, ':authority': `app|a/default/ledger|${t.context.world.targets.ledger.port}` }),
    /^(40[04]|closed)$/,
  ],
  ['headers that claim another identity', 'other', sni('ledger'), asks('ledger', claims), /^403$/],
  [
    'no tunnel but a request',
    'web',
    sni('ledger'),
    t => ({ ':method': 'GET', ':path': '/', ':scheme': 'https', ':authority': at(t, 'ledger') }),
    /^404$/,
  ],
  [
    'a WebSocket',
    'other',
    sni('ledger'),
    t => ({ ...CONNECT, ':protocol': 'websocket', ':scheme': 'https', ':path': '/', ':authority': at(t, 'ledger') }),
    /^(40[034]|not sent|closed)$/,
  ],
  [
    'CONNECT-UDP',
    'other',
    sni('ledger'),
    t => ({
      ...CONNECT,
      ':protocol': 'connect-udp',
      ':scheme': 'https',
      ':path': `/.well-known/masque/udp/127.0.0.1/${t.context.world.targets.ledger.port}/`,
      ':authority': at(t, 'ledger'),
    }),
    /^(40[034]|not sent|closed)$/,
  ],
  ['headers of 100 KiB', 'other', sni('ledger'), asks('ledger', huge(1, 100_000)), /^(431|403|closed)$/],
  ['a thousand headers', 'other', sni('ledger'), asks('ledger', huge(1_000, 10)), /^(431|403|closed)$/],
  ['a name that nobody has', 'web', 'nobody.default.a.mesh', asks('open'), /^closed$/],
  ['no name', 'web', '', asks('open'), /^closed$/],
  ['a part of a name', 'web', 'default.a.mesh', asks('open'), /^closed$/],
  ['no certificate', 'nobody', sni('open'), asks('open'), /^closed$/],
  ['a certificate of another trust domain', 'foreign', sni('open'), asks('open'), /^closed$/],
  ['a certificate of another root', 'forged', sni('open'), asks('open'), /^closed$/],
  ['a certificate of a host', 'host', sni('open'), asks('open'), /^closed$/],
  ['a certificate of the Manager', 'manager', sni('open'), asks('open'), /^closed$/],
];

for (const [what, who, servername, words, outcome, reached] of TUNNELS)
  test.serial(`tunnel: ${what}`, async t => {
    const knocking = { port: t.context.world.ports.tunnel, servername, ...t.context.world.papers[who] };
    let found: Outcome = '';
    const who2 = await reachedBy(t, async () => {
      found = await knockTunnel(knocking, words(t));
    });
    t.regex(found, outcome);
    t.deepEqual(who2, reached === undefined ? [] : [reached]);
  });

const MAY_NOT_SPEAK: readonly [what: string, knock: (port: number, t: Context) => Promise<Outcome>][] = [
  ['HTTP/1 without TLS', async port => knockPlain(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')],
  ['HTTP/2 without TLS', async port => knockPlain(port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['noise', async port => knockPlain(port, '\x16\x03\x01\xff\xff'.padEnd(70_000, '\xff'))],
  [
    'CONNECT of HTTP/1.1 in TLS',
    async (port, t) =>
      knockTls({ port, servername: sni('open'), ...t.context.world.papers['other'] }, h1(t), 'http/1.1'),
  ],
  [
    'CONNECT of HTTP/1.1 where HTTP/2 was agreed on',
    async (port, t) => knockTls({ port, servername: sni('open'), ...t.context.world.papers['other'] }, h1(t)),
  ],
  [
    'TLS 1.2',
    async (port, t) => {
      const old = { port, servername: sni('open'), maxVersion: 'TLSv1.2' as const, ...t.context.world.papers['other'] };
      return await knockTunnel(old, asks('open')(t));
    },
  ],
];
const h1 = (t: Context): string => `CONNECT ${at(t, 'open')} HTTP/1.1\r\nhost: x\r\n\r\n`;

for (const [what, knock] of MAY_NOT_SPEAK)
  test.serial(`tunnel: nothing but HTTP/2 in TLS 1.3 of the mesh: ${what}`, async t => {
    let found: Outcome = '';
    const reached = await reachedBy(t, async () => {
      found = await knock(t.context.world.ports.tunnel, t);
    });
    // HTTP/2 says goodbye before it closes.
    t.false(found.startsWith('HTTP') || /^\d/.test(found), found);
    t.deepEqual(reached, []);
  });

test.serial('inbound: a caller that was not redirected is not led anywhere', async t => {
  const reached = await reachedBy(t, async () => {
    t.is(await knockPlain(t.context.world.ports.inbound, 'GET / HTTP/1.1\r\nhost: ledger\r\n\r\n'), 'closed');
  });
  t.deepEqual(reached, []);
});

test.serial('outbound: the service is that of the address that was dialled, whatever headers say', async t => {
  const { outbound } = t.context.world.ports;
  const hidden = `240.240.0.9:${outbound}`;
  const lies = ['x-isthmus-address', 'isthmus.address', ':authority', 'x-envoy-original-dst-host', 'x-forwarded-host'];
  for (const request of [
    `GET / HTTP/1.1\r\nhost: ${hidden}\r\n${lies.map(name => `${name}: ${hidden}\r\n`).join('')}\r\n`,
    ...lies.map(name => `GET / HTTP/1.1\r\nhost: x\r\n${name}: ${hidden}\r\n\r\n`),
    `GET http://${hidden}/ HTTP/1.1\r\nhost: x\r\n\r\n`,
    `CONNECT ${hidden} HTTP/1.1\r\nhost: ${hidden}\r\n\r\n`,
  ]) {
    const reached = await reachedBy(t, () => knockPlain(outbound, request));
    t.false(reached.includes('hidden'), request);
  }
  t.deepEqual(
    await reachedBy(t, () => knockPlain(outbound, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')),
    ['bait'],
    'the listener is the right one',
  );
});

test.serial('many at once, and still the same Envoy does as it should', async t => {
  const { serving, ports, papers, on } = t.context.world;
  const { pid } = serving.envoy.status();
  const knocking = { port: ports.tunnel, servername: sni('ledger') };
  const reached = await reachedBy(t, () =>
    Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const who = ['other', 'forged', 'nobody', 'foreign'][index % 4]!;
        t.regex(await knockTunnel({ ...knocking, ...papers[who] }, asks('ledger')(t)), /^(403|closed)$/, who);
      }),
    ),
  );
  t.deepEqual(reached, []);
  t.regex(await knockTunnel({ ...knocking, ...papers['web'] }, asks('ledger')(t)), /ledger$/);
  const { restarts, pid: now } = serving.envoy.status();
  t.deepEqual({ pid: now, restarts, state: (await on.admin.serverInfo()).state }, { pid, restarts: 0, state: 'LIVE' });
});
