import test, { type ExecutionContext } from 'ava';
import { eventually } from '../eventually.ts';
import type { Container } from '../hosts/host.ts';
import { createNetwork, type Network } from '../hosts/network.ts';
import type { Running } from '../hosts/process.ts';
import type { NamespaceTask } from './namespace-agent.ts';

const program = (name: string): string => new URL(name, import.meta.url).pathname;
const PATIENT = { timeoutMs: 30_000, pauseMs: 20 };

interface Stage {
  readonly net: Network;
  readonly place: Container;
  /** Of the host, and two that the container may ask: by address of host, and of what they answer. */
  readonly servers: readonly { readonly address: string; readonly address6: string; readonly answer: string }[];
  readonly agent: Running;
  /** Asks from inside the container; the answer, or an empty text. */
  readonly dig: (...args: string[]) => Promise<string>;
}

async function stage(t: ExecutionContext, prefix: string): Promise<Stage> {
  t.timeout(60_000);
  const net = await createNetwork({ prefix });
  t.teardown(() => net[Symbol.asyncDispose]());
  const host = await net.host('a');
  const place = await host.container('c1');
  const servers = await Promise.all(
    [1, 2, 3].map(async number => {
      const server = await net.host(`server${number}`);
      const answer = `192.0.2.${number}`;
      await server.spawn([process.execPath, program('resolver.ts'), answer]).line(/^listening$/);
      return { address: server.address, address6: server.address6, answer };
    }),
  );
  await place.setResolvers([servers[1]!.address]);
  const task: NamespaceTask = {
    folder: host.folder,
    proxyUid: 1337,
    path: place.namespacePath,
    resolver: servers[0]!.address,
  };
  const agent = host.spawn([process.execPath, program('namespace-agent.ts'), JSON.stringify(task)]);
  await agent.line(/^ready$/);
  const dig = async (...args: string[]): Promise<string> => {
    const { code, stdout } = await place.exec(['dig', '+short', '+tries=1', '+time=5', ...args]);
    return code === 0 ? stdout.trim() : '';
  };
  await eventually(
    'names of the mesh',
    () => dig('reviews'),
    answer => answer === '240.240.0.1',
    PATIENT,
  );
  return { net, place, servers, agent, dig };
}

/** Asks a name server about `reviews` from port 0, which only a raw socket can. */
const FROM_NO_PORT = `
  use Socket;
  my $query = pack('n6', 7, 0x100, 1, 0, 0, 0) . "\\x07reviews\\0" . pack('n2', 1, 1);
  socket(my $raw, AF_INET, SOCK_RAW, 17) or die $!;
  my $packet = pack('n4', 0, 53, 8 + length($query), 0) . $query;
  send($raw, $packet, 0, pack_sockaddr_in(0, inet_aton($ARGV[0]))) or die $!;
`;

test('a question that no answer can reach does no harm: root of a container can send one', async t => {
  const { place, dig, servers } = await stage(t, 'nsnoport');
  await place.run(['perl', '-e', FROM_NO_PORT, servers[1]!.address]);
  t.is(await dig('reviews'), '240.240.0.1');
  t.is(await dig('reviews'), '240.240.0.1');
});

test('names of the mesh are known inside a namespace, all others are asked of the server that was asked', async t => {
  const { dig, servers } = await stage(t, 'nsdns');
  t.is(await dig('example.org'), servers[1]!.answer);
  t.is(await dig('+tcp', 'example.org'), servers[1]!.answer);
  for (const { address, address6, answer } of servers) {
    for (const at of [`@${address}`, `@${address6}`]) {
      for (const transport of ['+notcp', '+tcp']) {
        t.is(await dig(at, transport, 'reviews.default.mesh'), '240.240.0.1', `${at} ${transport}`);
        t.is(await dig(at, transport, 'example.org'), answer, `${at} ${transport}`);
      }
    }
  }
  t.is(await dig('reviews.default.mesh', 'AAAA'), 'fd69:7374:686d::1');
});

test('with more servers than there are places for, the others are asked as without a mesh', async t => {
  const { dig, place } = await stage(t, 'nsmany');
  const addresses = Array.from({ length: 12 }, (_, index) => `127.0.1.${index}`);
  await place.spawn([process.execPath, program('resolver.ts'), '192.0.2.9', ...addresses]).line(/^listening$/);
  for (const round of [1, 2]) {
    const answers = await Promise.all(addresses.map(address => dig(`@${address}`, 'example.org')));
    t.deepEqual(answers, Array(12).fill('192.0.2.9'), `round ${round}`);
  }
});

test('an agent that is killed takes no names along, nor do rules that are flushed', async t => {
  const { dig, servers, place, agent } = await stage(t, 'nsdead');
  t.is(await dig('example.org'), servers[1]!.answer);
  await place.run(['/usr/sbin/nft', 'flush', 'ruleset']);
  await eventually(
    'captured again',
    () => dig('reviews'),
    answer => answer === '240.240.0.1',
    PATIENT,
  );
  t.is(await dig('example.org'), servers[1]!.answer);
  await agent.kill('SIGKILL');
  const started = performance.now();
  await eventually(
    'others',
    () => dig('example.org'),
    answer => answer === servers[1]!.answer,
    PATIENT,
  );
  t.log(`other names resolve again ${Math.round(performance.now() - started)} ms after the agent was killed`);
  t.is(await dig('reviews.default.mesh'), servers[1]!.answer, 'DNS is not captured any more');
});
