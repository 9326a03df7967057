import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeKey, makeRoot } from '../../auth/ca/root.ts';
import type { MeshSettings } from '../../manager/model/host-view.ts';
import { MESH_SETTINGS_NAME } from '../../manager/model/proto/wire.ts';
import { makeFolder } from '../folders.ts';
import { joinMesh, startAgent, type TestAgent } from './agent.ts';
import { startManagerProcess } from './process.ts';

const WEB = 'spiffe://test.mesh/ns/default/sa/web';

/** What a host has at one time: a certificate of a workload, and the roots that its Envoy trusts. PEM. */
interface Held {
  readonly chain: string;
  readonly roots: string;
}

function rootsOf(agent: TestAgent): string {
  const settings = agent.holdings.get('MeshSettings', MESH_SETTINGS_NAME) as MeshSettings | undefined;
  return settings?.roots.join('') ?? '';
}

async function held(agent: TestAgent): Promise<Held> {
  const { certificateChain: chain } = await agent.link.sign(makeKey(), WEB, AbortSignal.timeout(10_000));
  return { chain, roots: rootsOf(agent) };
}

test('a CA that is given, replaced and taken away again: hosts stay, and those that heard of it trust those that did not', async t => {
  const folder = makeFolder('ca-change');
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const given = (name: string): { readonly certificate: string; readonly key: string } => {
    const { certificate, key } = makeRoot(name, Date.now());
    return { certificate: file(`${name}.pem`, certificate), key: file(`${name}.key`, key) };
  };
  const verified = ({ chain }: Held, { roots }: Held): string => {
    const [leaf, trusted] = [file('leaf.pem', chain), file('roots.pem', roots)];
    return execFileSync('openssl', ['verify', '-CAfile', trusted, '-untrusted', leaf, leaf], { encoding: 'utf8' });
  };
  const manager = await startManagerProcess(t);
  const agent = await startAgent(t, manager, await manager.token('a'));
  await agent.until('the roots are known', () => rootsOf(agent) !== '');
  let before = await held(agent);

  for (const [turn, config] of [
    { ca: given('first') },
    { ca: given('second') },
    {},
    { ca: given('third') },
  ].entries()) {
    await manager.kill('SIGTERM');
    await manager.start(config);
    await agent.until('the line is back, with other roots', () => {
      return agent.sessions() === turn + 2 && rootsOf(agent) !== before.roots;
    });
    const after = await held(agent);
    t.regex(verified(after, before), /OK/);
    t.regex(verified(before, after), /OK/);
    await t.notThrowsAsync(joinMesh(manager, await manager.token(`new-${turn}`), `new-${turn}`));
    before = after;
  }
});
