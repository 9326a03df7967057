import { createPrivateKey, createPublicKey } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { saveHostIdentity } from '../../agent/keys/host-identity.ts';
import { Authority } from '../../auth/ca/authority.ts';
import { makeKey, makeRoot, readRoot } from '../../auth/ca/root.ts';
import { DEFAULT_TRUST_DOMAIN } from '../../auth/identity.ts';
import { folderFlags, type Host } from '../hosts/host.ts';
import { createNetwork } from '../hosts/network.ts';

const ISTHMUS = new URL('../../packaging/bin/isthmus', import.meta.url).pathname;
const LIMIT_MS = 60_000;

/** Names an Envoy of another version in `agent.yaml`. @returns its path. */
async function nameOldEnvoy(host: Host, facts: object): Promise<string> {
  const path = join(host.folder, 'old-envoy');
  await writeFile(path, '#!/bin/sh\necho "envoy  version: 9e55/1.39.2/Clean/RELEASE/BoringSSL"\n');
  await chmod(path, 0o755);
  await mkdir(host.configDir, { recursive: true });
  await writeFile(join(host.configDir, 'agent.yaml'), stringify({ ...facts, envoy: { path } }));
  return path;
}

/** As if the host had joined a Manager that is away. */
async function pretendJoined(host: Host): Promise<void> {
  const [trustDomain, now, key] = [DEFAULT_TRUST_DOMAIN, Date.now, makeKey()];
  const authority = new Authority(readRoot(makeRoot(trustDomain, now())), { trustDomain, now });
  const { chain } = authority.issueHost(createPublicKey(createPrivateKey(key)), host.name);
  const managers = ['10.77.0.250:15012'];
  await saveHostIdentity(host.stateDir, { host: host.name, trustDomain, managers, key, chain, roots: authority.root });
}

test('isthmus agent and isthmus up both take the Envoy that agent.yaml names, or say why they cannot', async t => {
  await using network = await createNetwork({ prefix: 'envoypath' });
  const host = await network.host('solo');
  const said = `Cannot use the configured Envoy ${await nameOldEnvoy(host, {})}: it is version 1.39.2; Isthmus needs`;

  // Neither a name nor an address stands in the file: the join of `isthmus up` would write them.
  const up = await host.exec([ISTHMUS, 'up', ...folderFlags(host)], { timeoutMs: LIMIT_MS });
  t.is(up.code, 1, up.stderr);
  t.true(up.stderr.includes(said), up.stderr);
  t.notRegex(up.stderr, /Manager is ready/, 'nothing has run');

  await pretendJoined(host);
  await nameOldEnvoy(host, { host: host.name, address: host.address });
  const agent = await host.exec([ISTHMUS, 'agent', ...folderFlags(host)], { timeoutMs: LIMIT_MS });
  t.is(agent.code, 1, agent.stderr);
  t.true(agent.stderr.includes(said), agent.stderr);
});
