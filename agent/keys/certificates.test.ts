import { createPublicKey } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Authority } from '../../auth/ca/authority.ts';
import { makeRoot, readRoot } from '../../auth/ca/root.ts';
import type { SignResponse } from '../../manager/model/proto/messages.ts';
import { silentLogger } from '../../manager/model/util/log.ts';
import { eventually } from '../../test/eventually.ts';
import { makeFolder } from '../../test/folders.ts';
import { Certificates, type CertificatesOptions } from './certificates.ts';

const WEB = 'spiffe://isthmus.mesh/ns/default/sa/web';
const HOUR = 3_600_000;

const madeRoot = (): Root => makeRoot('isthmus.mesh', Date.now() - 100 * HOUR);
type Root = ReturnType<typeof makeRoot>;

function signer(now: () => number, root = madeRoot()): (key: string, identity: string) => Promise<SignResponse> {
  const authority = new Authority(readRoot(root), { trustDomain: 'isthmus.mesh', now });
  return async (key, identity) => ({
    certificateChain: authority.issueWorkload(createPublicKey(key), identity).chain,
    roots: '',
  });
}

async function start(
  t: ExecutionContext,
  more: Partial<CertificatesOptions> & Pick<CertificatesOptions, 'sign'>,
  folder?: string,
) {
  const dir = folder ?? makeFolder('certificates');
  if (!folder) t.teardown(() => rm(dir, { recursive: true, force: true }));
  const controller = new AbortController();
  const waiting = new Set<() => void>();
  const certificates: Certificates = new Certificates({
    folder: dir,
    logger: silentLogger,
    roots: () => '',
    onChange: () => {
      for (const look of waiting) look();
    },
    ...more,
  });
  const done = certificates.run(controller.signal);
  t.teardown(async () => {
    controller.abort();
    await done;
  });
  const until = (condition: () => boolean): Promise<void> =>
    new Promise(resolve => {
      const look = (): void => {
        if (condition()) resolve();
      };
      waiting.add(look);
      look();
    });
  return { dir, certificates, until, stop: () => controller.abort(), done };
}

test('a certificate is asked for, kept on disk, and used in the next life without asking', async t => {
  const sign = signer(Date.now);
  const first = await start(t, { sign });
  await first.certificates.want([WEB]);
  await first.until(() => first.certificates.has(WEB));
  first.stop();
  await first.done;
  const next = await start(t, { sign: () => Promise.reject(new Error('no Manager')) }, first.dir);
  await next.certificates.want([WEB]);
  t.deepEqual(
    next.certificates.usable().map(({ identity }) => identity),
    [WEB],
  );
  t.deepEqual(next.certificates.usable()[0]?.chain, first.certificates.usable()[0]?.chain);
});

test('at half life it is renewed; one that ran out is not used, but was given', async t => {
  let now = Date.now();
  let asked = 0;
  const good = signer(() => now);
  const sign: CertificatesOptions['sign'] = (key, identity) => {
    asked += 1;
    return asked === 2 ? Promise.reject(new Error('the Manager is not connected')) : good(key, identity);
  };
  const { certificates, until } = await start(t, { sign, now: () => now, elapsed: () => now, random: () => 0.5 });
  await certificates.want([WEB]);
  await until(() => certificates.has(WEB));
  const first = certificates.expires(WEB)!;
  now += 25 * HOUR;
  t.deepEqual(certificates.usable(), []);
  t.true(certificates.has(WEB));
  await certificates.want([WEB]);
  while (certificates.reason(WEB) === undefined) await new Promise(resolve => setImmediate(resolve));
  t.is(certificates.reason(WEB), 'the Manager is not connected');
  certificates.retry();
  await until(() => certificates.expires(WEB)! > first);
  t.is(certificates.reason(WEB), undefined);
  t.is(asked, 3);
});

test('one that stands under no root that is trusted is used until a new one has come, which is asked for at once', async t => {
  const [before, after] = [madeRoot(), madeRoot()];
  const first = await start(t, { sign: signer(Date.now, before) });
  await first.certificates.want([WEB]);
  await first.until(() => first.certificates.has(WEB));
  const { chain } = first.certificates.usable()[0]!;
  first.stop();
  await first.done;
  let [roots, asked] = [before.certificate, 0];
  const answer = Promise.withResolvers<void>();
  const good = signer(Date.now, after);
  const sign: CertificatesOptions['sign'] = async (key, identity) => {
    asked += 1;
    await answer.promise;
    return good(key, identity);
  };
  const { certificates, until } = await start(t, { sign, roots: () => roots }, first.dir);
  await certificates.want([WEB]);
  roots = `${before.certificate}${after.certificate}`;
  certificates.rootsChanged();
  await certificates.want([WEB]);
  t.is(asked, 0);
  roots = after.certificate;
  certificates.rootsChanged();
  await eventually(
    'it is asked for',
    () => asked,
    times => times === 1,
  );
  t.is(certificates.usable()[0]?.chain, chain);
  answer.resolve();
  await until(() => certificates.usable()[0]?.chain !== chain);
  certificates.rootsChanged();
  await certificates.want([WEB]);
  t.is(asked, 1);
});

test('who waits to ask again does so when the clock was set back meanwhile', async t => {
  let now = Date.now();
  let asked = 0;
  const good = signer(Date.now);
  const sign: CertificatesOptions['sign'] = (key, identity) => {
    asked += 1;
    if (asked > 1) return good(key, identity);
    now -= 24 * HOUR;
    return Promise.reject(new Error('the Manager is not connected'));
  };
  const { certificates, until } = await start(t, { sign, now: () => now });
  await certificates.want([WEB]);
  await until(() => certificates.has(WEB));
  t.is(asked, 2);
});

test('a clock that is set forward, or went on while the machine slept, is noticed before long', async t => {
  let now = Date.now();
  let asked = 0;
  const good = signer(() => now);
  const sign: CertificatesOptions['sign'] = (key, identity) => {
    asked += 1;
    return good(key, identity);
  };
  const { certificates, until } = await start(t, { sign, now: () => now, elapsed: () => now, lookMs: 10 });
  await certificates.want([WEB]);
  await until(() => certificates.has(WEB));
  now += 25 * HOUR;
  await eventually(
    'one that is good',
    () => certificates.usable(),
    usable => usable.length === 1,
  );
  t.is(asked, 2);
});

test('a clock that is ahead has nobody ask without pause, and is told of', async t => {
  let elapsed = 0;
  let asked = 0;
  const good = signer(Date.now);
  const sign: CertificatesOptions['sign'] = (key, identity) => {
    asked += 1;
    return good(key, identity);
  };
  const { certificates, until } = await start(t, { sign, now: () => Date.now() + 13 * HOUR, elapsed: () => elapsed });
  await certificates.want([WEB]);
  await until(() => certificates.has(WEB));
  for (let turn = 0; turn < 20; turn += 1) await certificates.want([WEB]);
  t.is(asked, 1);
  t.regex(certificates.reason(WEB) ?? '', /^the clock of this host is 780 minutes ahead of the Manager's/);
  elapsed += 61_000;
  await certificates.want([WEB]);
  await until(() => asked === 2);
});

test('of two wishes that follow at once, the later one holds', async t => {
  const other = 'spiffe://isthmus.mesh/ns/default/sa/other';
  const { certificates, until } = await start(t, { sign: signer(Date.now) });
  await Promise.all([certificates.want([WEB]), certificates.want([WEB, other])]);
  await until(() => certificates.has(WEB) && certificates.has(other));
  t.is(certificates.usable().length, 2);
});

test('the key of an identity that left the host is removed', async t => {
  const { dir, certificates, until } = await start(t, { sign: signer(Date.now) });
  await certificates.want([WEB]);
  await until(() => certificates.has(WEB));
  t.is((await readdir(dir)).length, 1);
  await certificates.want([]);
  t.deepEqual(await readdir(dir), []);
});

test('a certificate that cannot be kept is used all the same', async t => {
  const folder = makeFolder('certificates');
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'file'), '');
  let asked = 0;
  const good = signer(Date.now);
  const sign: CertificatesOptions['sign'] = (key, identity) => {
    asked += 1;
    return good(key, identity);
  };
  const { certificates, until } = await start(t, { sign }, join(folder, 'file', 'no-folder'));
  await certificates.want([WEB]);
  await until(() => asked > 0 && (certificates.has(WEB) || certificates.reason(WEB) !== undefined));
  t.deepEqual([certificates.usable().length, certificates.reason(WEB), asked], [1, undefined, 1]);
});
