import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import { host, input, instance, port, service, TRUST_DOMAIN, workload } from '../../agent/compile/fixtures.ts';
import type { HostInput, WorkloadInput } from '../../agent/compile/input.ts';
import type { CertificateSecret } from '../../agent/envoy/ads/secrets.ts';
import { Authority } from '../../auth/ca/authority.ts';
import { makeKey, makeRoot, readRoot } from '../../auth/ca/root.ts';
import { freePort } from '../ports.ts';
import { memoryOf } from './admin.ts';
import { stage } from './fixture.ts';

const MEGABYTE = 1_000_000;

/** A host with 20 workloads, each called and calling, that uses 200 services of 5 instances, most of them on another host. */
async function wholeHost(): Promise<HostInput> {
  const here = { ...host('a', '127.0.0.1'), tunnelPort: await freePort() };
  const there = host('b', '10.255.0.2');
  const workloads: WorkloadInput[] = [];
  for (let index = 0; index < 20; index += 1)
    workloads.push({
      ...workload(here, `w${index}`, [{ ...port(9080), number: 9080 + index }]),
      outboundPort: await freePort(),
    });
  const services = Array.from({ length: 200 }, (_, index) => {
    const near = workloads[index % 20]!;
    const far = [1, 2, 3, 4].map(number => instance(there, workload(there, `s${index}-${number}`, [port(9080)])));
    return service(`s${index}`, index + 1, [port(9080)], [instance(here, near), ...far]);
  });
  const whole = input(here, workloads, services);
  return { ...whole, settings: { ...whole.settings, inboundPort: await freePort(), ipv6: false } };
}

function certificates(of: HostInput): { readonly all: CertificateSecret[]; readonly root: string } {
  const authority = new Authority(readRoot(makeRoot(TRUST_DOMAIN, Date.now())), {
    trustDomain: TRUST_DOMAIN,
    now: Date.now,
  });
  const all = of.workloads.map(({ local }) => {
    const key = makeKey();
    const identity = `spiffe://${TRUST_DOMAIN}/ns/default/sa/${local.workload.serviceAccount}`;
    return { identity, key, chain: authority.issueWorkload(createPublicKey(createPrivateKey(key)), identity).chain };
  });
  return { all, root: authority.root };
}

test('20 workloads and 200 services: ready within 2 s of the start, and no more than 100 MB', async t => {
  await using on = await stage();
  const known = await wholeHost();
  const { all, root } = certificates(known);
  const ads = on.ads();
  await ads.start();
  const begun = performance.now();
  const { resources } = new Compiler().compile(known);
  const compiled = performance.now() - begun;
  ads.setSecrets(all, root);
  ads.update(resources);
  const envoy = on.envoy();
  await envoy.start(on.life.signal);
  await envoy.ready(AbortSignal.timeout(20_000));
  const ready = performance.now() - begun;
  t.deepEqual(await ads.applied(AbortSignal.timeout(20_000)), []);
  const status = await readFile(`/proc/${envoy.status().pid}/status`, 'utf8');
  const resident = (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / MEGABYTE;
  t.log({
    resources: resources.length,
    compiledMs: compiled,
    readyMs: ready,
    envoyMB: resident,
    allocated: await memoryOf(on.paths),
  });
  t.true(ready < 2_000, `ready after ${ready} ms`);
  t.true(resident <= 100, `${resident} MB resident`);
});
