import test from 'ava';
import { type LogFields, silentLogger } from '../manager/model/util/log.ts';
import { host, workload } from './compile/fixtures.ts';
import type { Member } from './members.ts';
import { confined, otherwiseCalled, portless, Unserved } from './unserved.ts';

const HOST = host('a', '192.0.2.1');

const memberOf = (name: string, own: boolean): Member => ({
  input: workload(
    HOST,
    name,
    [],
    own ? { selector: { kind: 'namespace', path: `/run/netns/${name}`, id: '4-1' } } : {},
  ),
  identity: `spiffe://mesh/ns/default/sa/${name}`,
  state: 'joined',
});

const USER = memberOf('user', false);
const POD = memberOf('pod', true);

test('only workloads with a network namespace suffer from an Envoy that may enter none', t => {
  t.deepEqual(confined([USER, POD], undefined), []);
  t.deepEqual(confined([USER, POD], 'no right'), [{ origin: 'workload a/default/pod', message: 'no right' }]);
});

test('who has no port is named, with how to find out why', t => {
  const all = [USER, POD].map(({ input }) => input.local);
  t.deepEqual(portless(all, [USER, POD]), []);
  const [problem, ...others] = portless(all, [POD]);
  t.is(problem?.origin, 'workload a/default/user');
  t.regex(problem?.message ?? '', /^no port of 20000-24999 is free.* ss -tan /);
  t.deepEqual(others, []);
});

test('who keeps the service account from before, as there is no certificate, is named with the reason', t => {
  const { local } = USER.input;
  const toBe = { ...local, workload: { ...local.workload, serviceAccount: 'next' } };
  t.deepEqual(
    otherwiseCalled([local], [USER], () => 'refused'),
    [],
  );
  t.deepEqual(
    otherwiseCalled([toBe], [USER], () => undefined),
    [],
  );
  const other = { ...toBe, selector: { kind: 'user', uid: 2002 } } as const;
  t.regex(otherwiseCalled([other], [USER], () => 'refused')[0]!.message, /"user" and the user 2001, as /);
  t.deepEqual(
    otherwiseCalled([toBe], [USER], () => 'refused'),
    [
      {
        origin: 'workload a/default/user',
        message: 'keeps the service account "user", as there is no certificate for "next" yet: refused',
      },
    ],
  );
});

test('of a workload it is logged once why it is not served, and again once that was over', t => {
  const logged: LogFields[] = [];
  const unserved = new Unserved({ ...silentLogger, warn: (_message, fields = {}) => void logged.push(fields) });
  const one = { origin: 'workload one', message: 'no port' };
  const other = { origin: 'workload one', message: 'no right' };
  for (const problems of [[one], [one], [one, other], [], [one]]) t.is(unserved.update(problems), problems);
  t.deepEqual(
    logged.map(({ reason }) => reason),
    ['no port', 'no right', 'no port'],
  );
});
