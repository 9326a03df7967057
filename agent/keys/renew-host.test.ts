import { createPublicKey, X509Certificate } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { Authority } from '../../auth/ca/authority.ts';
import { makeKey, makeRoot, readRoot } from '../../auth/ca/root.ts';
import type { Clock } from '../../manager/model/util/clock.ts';
import { silentLogger } from '../../manager/model/util/log.ts';
import { makeFolder } from '../../test/folders.ts';
import { type HostIdentity, loadHostIdentity } from './host-identity.ts';
import { renewHostIdentity } from './renew-host.ts';

const HOUR = 3_600_000;

test('a renewed certificate of the host is used although the disk does not take it, and is kept once it does', async t => {
  const folder = makeFolder('renew-host');
  t.teardown(() => rm(folder, { recursive: true }));
  const stateDir = join(folder, 'lib');
  await writeFile(stateDir, '');
  let now = Date.now();
  const trustDomain = 'isthmus.mesh';
  const authority = new Authority(readRoot(makeRoot(trustDomain, now - HOUR)), { trustDomain, now: () => now });
  const chainFor = (key: string): string => authority.issueHost(createPublicKey(key), 'a').chain;
  const key = makeKey();
  const identity: HostIdentity = { host: 'a', trustDomain, managers: ['m:1'], key, chain: chainFor(key), roots: 'r' };
  const events: string[] = [];
  const controller = new AbortController();
  let sleeps = 0;
  const clock: Clock = {
    now: () => now,
    async sleep(ms) {
      sleeps += 1;
      now += ms;
      if (events.length > 0) await rm(stateDir).catch(() => undefined);
      if ((await loadHostIdentity(stateDir).catch(() => undefined)) !== undefined || sleeps > 10_000)
        controller.abort();
    },
  };
  const link = {
    sign: async (fresh: string) => ({ certificateChain: chainFor(fresh), roots: 'r2' }),
    useIdentity: ({ roots }: HostIdentity) => void events.push(`used ${roots}`),
  };
  await renewHostIdentity({ identity, stateDir, link, logger: silentLogger, clock }, controller.signal);
  t.deepEqual(events, ['used r2']);
  t.is((await loadHostIdentity(stateDir))?.roots, 'r2');
});

test('a clock that was ahead while the renewal failed does not put it off', async t => {
  const stateDir = makeFolder('renew-ahead');
  t.teardown(() => rm(stateDir, { recursive: true }));
  const start = Date.now();
  const ahead = 10_000 * HOUR;
  let now = start;
  const trustDomain = 'isthmus.mesh';
  const authority = new Authority(readRoot(makeRoot(trustDomain, now - HOUR)), { trustDomain, now: () => now });
  const key = makeKey();
  const { chain } = authority.issueHost(createPublicKey(key), 'a');
  const end = new X509Certificate(chain).validToDate.getTime();
  now += ahead;
  const controller = new AbortController();
  let failures = 0;
  const clock: Clock = {
    now: () => now,
    async sleep(ms) {
      now = now + ms - (failures === 1 ? ahead : 0);
      if (failures === 1) failures += 1;
      if (now > end) controller.abort();
    },
  };
  const link = {
    sign: async (fresh: string) => {
      if (failures === 0) {
        failures = 1;
        throw new Error('the Manager is not connected');
      }
      return { certificateChain: authority.issueHost(createPublicKey(fresh), 'a').chain, roots: 'r2' };
    },
    useIdentity: () => controller.abort(),
  };
  const identity: HostIdentity = { host: 'a', trustDomain, managers: ['m:1'], key, chain, roots: 'r' };
  await renewHostIdentity({ identity, stateDir, link, logger: silentLogger, clock }, controller.signal);
  t.is((await loadHostIdentity(stateDir))?.roots, 'r2');
  t.true(now < end);
});

test('a clock that is ahead has the host renew no more than once a minute', async t => {
  const stateDir = makeFolder('renew-fast');
  t.teardown(() => rm(stateDir, { recursive: true }));
  const trustDomain = 'isthmus.mesh';
  const start = Date.now();
  let passed = 0;
  const authority = new Authority(readRoot(makeRoot(trustDomain, start - HOUR)), {
    trustDomain,
    now: () => start + passed,
  });
  const key = makeKey();
  const { chain } = authority.issueHost(createPublicKey(key), 'a');
  const controller = new AbortController();
  const clock: Clock = {
    now: () => start + passed + 20 * 24 * HOUR,
    async sleep(ms) {
      passed += ms;
      if (passed >= 10 * 60_000) controller.abort();
    },
  };
  let renewals = 0;
  const link = {
    sign: async (fresh: string) => ({
      certificateChain: authority.issueHost(createPublicKey(fresh), 'a').chain,
      roots: 'r2',
    }),
    useIdentity: () => {
      renewals += 1;
      if (renewals > 100) controller.abort();
    },
  };
  const identity: HostIdentity = { host: 'a', trustDomain, managers: ['m:1'], key, chain, roots: 'r' };
  await renewHostIdentity({ identity, stateDir, link, logger: silentLogger, clock }, controller.signal);
  t.is(renewals, 10);
});
