import test from 'ava';
import { NOWHERE } from '../model/locality.ts';
import type { Host } from '../model/workload.ts';
import { boundedStatus, checkHost } from './check-host.ts';

const HOST: Host = { name: 'a', address: '10.0.0.1', tunnelPort: 15_008, network: 'east', locality: NOWHERE };

const CASES: readonly [what: string, change: Partial<Host>, reason: RegExp | undefined][] = [
  ['what is usual', {}, undefined],
  ['a locality with blanks', { locality: { region: 'eu west', zone: 'ä', subzone: '' } }, undefined],
  ['port 0', { tunnelPort: 0 }, /ports are 1 to 65535/],
  ['a network with what stands between names', { network: 'a|b' }, /cannot be a network/],
  ['a network without end', { network: 'x'.repeat(254) }, /cannot be a network/],
  ['a zone that breaks lines', { locality: { ...NOWHERE, zone: 'a\nb' } }, /cannot be a zone/],
];

for (const [what, change, reason] of CASES)
  test(`a host may ${reason ? 'not ' : ''}say ${what}`, t => {
    const check = (): void => checkHost({ ...HOST, ...change });
    if (reason) t.throws(check, { code: 'message-invalid', message: reason });
    else t.notThrows(check);
  });

test('what a host says of itself is cut to what a person can read', t => {
  const long = 'x'.repeat(10_000);
  const rejection = { resource: long, reason: 'a\nb', origins: Array.from({ length: 100 }, () => long) };
  const { rejections, agentVersion } = boundedStatus({
    rejections: Array.from({ length: 1_000 }, () => rejection),
    startedAt: 0,
    agentVersion: long,
    envoyVersion: '1',
    envoyConnected: true,
  });
  t.is(rejections.length, 201);
  t.is(rejections.at(-1)?.resource, '800 more');
  t.deepEqual([rejections[0]!.resource.length, rejections[0]!.reason, rejections[0]!.origins.length], [501, 'a b', 20]);
  t.is(agentVersion.length, 501);
});
