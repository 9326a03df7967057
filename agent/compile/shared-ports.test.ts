import test from 'ava';
import type { JsonMap } from './resource.ts';
import { type InboundOwner, sharedChains } from './shared-ports.ts';

const HOST = '10.0.0.1';
const chain = (workload: string, port: number): JsonMap => ({
  name: `${workload}:${port}`,
  filter_chain_match: { destination_port: port },
});
const owner = (workload: string, addresses: readonly string[], ...ports: readonly number[]): InboundOwner => ({
  workload,
  addresses,
  chains: ports.map(port => chain(workload, port)),
});

/** Each chain as `name`, or `name at addresses`; each problem as `workload: port and addresses < holders`. */
function outcome(...owners: readonly InboundOwner[]): { readonly chains: string[]; readonly problems: string[] } {
  const { chains, problems } = sharedChains(owners, HOST);
  return {
    chains: chains.map(({ name, filter_chain_match: match }) => {
      const { prefix_ranges: ranges = [] } = match as {
        prefix_ranges?: { address_prefix: string; prefix_len: number }[];
      };
      return [
        name as string,
        ...ranges.map(({ address_prefix, prefix_len }) => `${address_prefix}/${prefix_len}`),
      ].join(' ');
    }),
    problems: problems.map(({ origin, message }) => {
      const [, where, who] =
        /its port (.*) is that of workload (.*) too, which alone takes .*: take the port out/.exec(message) ?? [];
      return `${origin}: ${where} < ${who}`;
    }),
  };
}

const CASES: readonly [name: string, owners: readonly InboundOwner[], chains: string[], problems: string[]][] = [
  ['ports of their own', [owner('x', [], 80, 81), owner('y', [], 82)], ['x:80', 'x:81', 'y:82'], []],
  [
    'one port on two hosts addresses',
    [owner('x', ['10.0.0.2'], 80), owner('y', ['10.0.0.3'], 80)],
    ['x:80 10.0.0.2/32', 'y:80 10.0.0.3/32'],
    [],
  ],
  [
    'one port on the whole host: the first keeps it, the rest of the second stands',
    [owner('x', [], 80), owner('y', [], 80, 81)],
    ['x:80', 'y:81'],
    ['workload y: 80 at 10.0.0.1 < x'],
  ],
  [
    'the whole host, and the address of the host',
    [owner('x', [], 80), owner('y', [HOST], 80)],
    ['x:80'],
    ['workload y: 80 at 10.0.0.1 < x'],
  ],
  [
    'the address of the host, and the whole host',
    [owner('x', [HOST], 80), owner('y', [], 80)],
    ['x:80 10.0.0.1/32', 'y:80'],
    ['workload y: 80 at 10.0.0.1 < x'],
  ],
  [
    'the whole host, and an address more',
    [owner('x', [], 80), owner('y', ['10.0.0.2'], 80)],
    ['x:80', 'y:80 10.0.0.2/32'],
    [],
  ],
  [
    'some addresses in common',
    [owner('x', ['10.0.0.2'], 80), owner('y', ['10.0.0.3', '10.0.0.2'], 80), owner('z', ['10.0.0.3'], 80)],
    ['x:80 10.0.0.2/32', 'y:80 10.0.0.3/32'],
    ['workload y: 80 at 10.0.0.2 < x', 'workload z: 80 at 10.0.0.3 < y'],
  ],
  [
    'one address written in two ways',
    [owner('x', ['fd00::1'], 80), owner('y', ['FD00:0::1'], 80)],
    ['x:80 fd00::1/128'],
    ['workload y: 80 at fd00::1 < x'],
  ],
  [
    'one address twice',
    [owner('x', ['10.0.0.2', '10.0.0.2'], 80), owner('y', ['10.0.0.3'], 80)],
    ['x:80 10.0.0.2/32', 'y:80 10.0.0.3/32'],
    [],
  ],
];
for (const [name, owners, chains, problems] of CASES)
  test(name, t => t.deepEqual(outcome(...owners), { chains, problems }));
