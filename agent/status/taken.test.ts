import test from 'ava';
import { explained } from './taken.ts';

const TAKEN = (at: string): string =>
  `Error adding/updating listener(s) x: cannot bind '${at}': Address already in use\n\n`;
const ORIGINS = ['workload a/default/web', 'AuthorizationPolicy default/hello-callers'];

const REASONS: readonly [what: string, resource: string, reason: string, expected: string, blames: boolean][] = [
  [
    'the port of tunnels, with the setting that moves it',
    'tunnel',
    TAKEN('0.0.0.0:15008'),
    `another program listens on 0.0.0.0:15008: see ss -lptn 'sport = :15008'; end it, or set another "tunnelPort" in agent.yaml; it is tried again every 30 s`,
    false,
  ],
  [
    'the same of IPv6',
    'tunnel',
    TAKEN('[::]:15008'),
    `another program listens on [::]:15008: see ss -lptn 'sport = :15008'; end it, or set another "tunnelPort" in agent.yaml; it is tried again every 30 s`,
    false,
  ],
  [
    'a port that is fixed',
    'inbound',
    TAKEN('0.0.0.0:15006'),
    `another program listens on 0.0.0.0:15006: see ss -lptn 'sport = :15006'; end it, or have it listen elsewhere; it is tried again every 30 s`,
    false,
  ],
  [
    'a port inside a network namespace',
    'inbound/a/default/web',
    TAKEN('0.0.0.0:15006'),
    `another program listens on 0.0.0.0:15006 in the network namespace of workload a/default/web: see ss -lptn 'sport = :15006' there; end it, or have it listen elsewhere; it is tried again every 30 s`,
    false,
  ],
  ['anything else as it is, without blank ends', 'out/a', ' no such filter\n', 'no such filter', true],
];

for (const [what, resource, reason, expected, blames] of REASONS)
  test(`of a refusal is told: ${what}`, t => {
    const told = explained({ resource, reason, origins: ORIGINS }, 15_008);
    t.deepEqual(told, { resource, reason: expected, origins: blames ? ORIGINS : [] });
  });
