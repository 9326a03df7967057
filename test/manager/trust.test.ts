import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import type { ServiceError } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { call, managerClient } from '../../agent/manager/client.ts';
import { join } from '../../agent/manager/join.ts';
import { Authority } from '../../auth/ca/authority.ts';
import { makeRequest } from '../../auth/ca/csr.ts';
import { spiffeIdOf } from '../../auth/ca/peer.ts';
import { makeKey, makeRoot, readRoot } from '../../auth/ca/root.ts';
import type { MeshStatus } from '../../manager/api/mesh-status.ts';
import { connectManager } from '../../manager/cli/client.ts';
import { loadWire } from '../../manager/model/proto/wire.ts';
import { startManager, type TestManager } from './manager.ts';

const wire = loadWire();
const WEB = 'spiffe://test.mesh/ns/default/sa/web';
const signal = AbortSignal.timeout(100_000);
const limits = { deadlineMs: 10_000, signal };

function joinAs(manager: TestManager, token: string, host = 'a') {
  return join(wire, { managers: [manager.agents], token, host }, signal);
}

/** A connection with a certificate, or with none. */
function connect(t: ExecutionContext, manager: TestManager, roots: string, own: { chain?: string; key?: string } = {}) {
  const client = managerClient(wire, { address: manager.agents, roots, trustDomain: 'test.mesh', ...own });
  t.teardown(() => client.close());
  const nonce = async (): Promise<string> => (await call(client, one => one.Challenge, {}, limits)).nonce;
  const sign = (identity: string, challenge: string, key = makeKey(), asked = identity) => {
    const csr = makeRequest(createPrivateKey(key), asked, challenge);
    return call(client, one => one.Sign, { csr, identity }, limits);
  };
  return { nonce, sign };
}

/** Why a call was refused: the code that travels beside the text. */
async function refusal(t: ExecutionContext, answer: Promise<unknown>): Promise<string> {
  const error = await t.throwsAsync<ServiceError>(answer);
  return error!.metadata.get('isthmus-reason')[0]!.toString();
}

test('a host joins by token, and gets certificates for the identities that the token named', async t => {
  const manager = await startManager(t);
  const { token } = await manager.token();
  const host = await joinAs(manager, token);
  t.is(spiffeIdOf(new X509Certificate(host.chain)), 'spiffe://test.mesh/host/a');
  const line = connect(t, manager, host.roots, host);
  const { certificateChain, roots } = await line.sign(WEB, await line.nonce());
  t.is(spiffeIdOf(new X509Certificate(certificateChain)), WEB);
  t.true(new X509Certificate(certificateChain).verify(new X509Certificate(roots).publicKey));
  const renewed = await line.sign('spiffe://test.mesh/host/a', await line.nonce());
  t.is(spiffeIdOf(new X509Certificate(renewed.certificateChain)), 'spiffe://test.mesh/host/a');
});

test('a certificate is refused for what the token did not name, for another request, and for a nonce that is not good', async t => {
  const manager = await startManager(t);
  const host = await joinAs(manager, (await manager.token()).token);
  const line = connect(t, manager, host.roots, host);
  for (const foreign of ['ns/other/sa/web', 'host/b', 'manager'])
    t.is(await refusal(t, line.sign(`spiffe://test.mesh/${foreign}`, await line.nonce())), 'identity-not-allowed');
  t.is(await refusal(t, line.sign('spiffe://else.mesh/ns/default/sa/web', await line.nonce())), 'identity-not-allowed');
  const asked = 'spiffe://test.mesh/ns/other/sa/web';
  t.is(await refusal(t, line.sign(WEB, await line.nonce(), makeKey(), asked)), 'csr-other-identity');
  const nonce = await line.nonce();
  await line.sign(WEB, nonce);
  t.is(await refusal(t, line.sign(WEB, nonce)), 'nonce-invalid');
  t.is(await refusal(t, line.sign(WEB, 'made-up')), 'nonce-invalid');
  const other = await joinAs(manager, (await manager.token({ host: 'b' })).token, 'b');
  const stolen = await connect(t, manager, other.roots, other).nonce();
  t.is(await refusal(t, line.sign(WEB, stolen)), 'nonce-invalid');
});

test('a token is good once, for its host, until it is revoked', async t => {
  const manager = await startManager(t);
  const used = await manager.token();
  await joinAs(manager, used.token);
  await t.throwsAsync(joinAs(manager, used.token), { message: /was used by host a/ });
  const named = await manager.token({ host: 'b' });
  await t.throwsAsync(joinAs(manager, named.token, 'c'), { message: /for another host/ });
  await manager.ask({ method: 'DELETE', path: `/isthmus/v1/tokens/${named.id}` });
  await t.throwsAsync(joinAs(manager, named.token, 'b'), { message: /not valid, or was revoked/ });
  const [id, secret] = [used.id, 'x'.repeat(43)];
  const guessed = `isthmus1.${id}.${secret}.${used.token.split('.')[3]}`;
  await t.throwsAsync(joinAs(manager, guessed), { message: /not valid, or was revoked/ });
  const any = await manager.token({ host: undefined });
  await t.throwsAsync(joinAs(manager, any.token, 'a'), { message: /there is a host "a" already/ });
  await t.notThrowsAsync(joinAs(manager, any.token, 'd'));
});

test('of two that join with one token at once, one does', async t => {
  const manager = await startManager(t);
  const { token } = await manager.token({ host: undefined });
  const outcomes = await Promise.allSettled(['x', 'y', 'z'].map(host => joinAs(manager, token, host)));
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('a token is told to no Manager but its own', async t => {
  const [own, other] = [await startManager(t), await startManager(t)];
  const { token } = await own.token();
  await t.throwsAsync(joinAs(other, token), { message: /is not the one that this token is from/ });
  await t.notThrowsAsync(joinAs(own, token));
});

test('only a host certificate of this mesh opens anything but Join', async t => {
  const manager = await startManager(t);
  const host = await joinAs(manager, (await manager.token()).token);
  t.is(await refusal(t, connect(t, manager, host.roots).nonce()), 'no-certificate');
  const stranger = new Authority(readRoot(makeRoot('test.mesh', Date.now())), {
    trustDomain: 'test.mesh',
    now: Date.now,
  });
  const key = makeKey();
  const forged = { key, chain: stranger.issueHost(createPublicKey(createPrivateKey(key)), 'a').chain };
  t.is(await refusal(t, connect(t, manager, host.roots, forged).nonce()), 'no-certificate');
  const line = connect(t, manager, host.roots, host);
  const workload = { key: makeKey(), chain: '' };
  workload.chain = (await line.sign(WEB, await line.nonce(), workload.key)).certificateChain;
  t.is(await refusal(t, connect(t, manager, host.roots, workload).nonce()), 'no-certificate');
});

test('the REST API is checked against the root that lies beside its token', async t => {
  const manager = await startManager(t);
  const file = (name: string): string => path(manager.stateDir, name);
  const address = { url: manager.api, tokenFile: file('admin-token'), caFile: file('root.pem') };
  const answer = await connectManager(address).request({ path: '/isthmus/v1/status' }, signal);
  t.is(answer.status, 200);
});

test('a Manager starts where the file of its roots cannot be written, and writes it only when it says another', async t => {
  const first = await startManager(t);
  const file = path(first.stateDir, 'root.pem');
  const { ino } = statSync(file);
  await first.stop();
  const second = await startManager(t, { directory: first.stateDir });
  t.is(statSync(file).ino, ino);
  await second.stop();
  rmSync(file);
  mkdirSync(file);
  const third = await startManager(t, { directory: first.stateDir });
  t.is((await third.ask({ path: '/isthmus/v1/status' })).status, 200);
});

test('the status counts what was refused, and says to whom and why', async t => {
  const manager = await startManager(t);
  const { token } = await manager.token();
  await joinAs(manager, token);
  for (const _ of [1, 2]) await t.throwsAsync(joinAs(manager, token));
  const stranger = connectManager({
    url: manager.api,
    tokenFile: path(manager.stateDir, 'wrong'),
    caFile: path(manager.stateDir, 'root.pem'),
  });
  writeFileSync(path(manager.stateDir, 'wrong'), 'x'.repeat(43));
  t.is((await stranger.request({ path: '/isthmus/v1/status' }, signal)).status, 401);
  const { body } = await manager.ask({ path: '/isthmus/v1/status' });
  t.like((body as MeshStatus).refusals, [
    {
      reason: 'token-used',
      count: 2,
      last: { from: '127.0.0.1', why: 'the join token was used by host a; each is good for one host' },
    },
    { reason: 'admin-token', count: 1, last: { from: '127.0.0.1' } },
  ]);
});
