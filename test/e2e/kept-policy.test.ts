import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import { policy, UID } from './cast.ts';
import { Mesh } from './mesh.ts';

const PORT = 9081;
const SERVER = { name: 'r', selector: { user: UID.first }, ports: [{ port: PORT, protocol: 'http' }] };

test('a host whose address turns out to be that of another keeps the policies of its workloads in force', async t => {
  t.timeout(180_000);
  await using mesh = await Mesh.create('kept');
  await mesh.startManager();
  const beta = await mesh.network.host('beta');
  const alpha = await mesh.host('alpha', [SERVER]);
  await startEcho(alpha.host, 'r', [PORT], { uid: UID.first });
  await mesh.apply({ ...policy('strict', { mtls: { mode: 'STRICT' } }), kind: 'PeerAuthentication' });
  const ask = async (): Promise<string> => {
    const words = ['curl', '-s', '--max-time', '5', '-w', ' %{http_code}', `http://${alpha.host.address}:${PORT}/`];
    return (await mesh.control.exec(words)).stdout;
  };
  await eventually('plaintext is refused', ask, text => text.endsWith(' 403'));
  // What a person mistyped, say.
  const file = join(alpha.host.configDir, 'agent.yaml');
  const right = await readFile(file, 'utf8');
  await writeFile(file, right.replace(alpha.host.address, beta.address));
  await alpha.agent().kill();
  await alpha.startAgent();
  const manager = async () => (await alpha.status()).manager;
  await eventually('it is let in as it is', manager, ({ connected }) => connected);

  await mesh.joinHost(beta);
  const { reason } = await eventually('it is told why not any more', manager, ({ connected }) => !connected);
  t.regex(reason ?? '', /which is the address of host "beta"/);
  // By then it has spoken to the Manager a few times more.
  const heard = (): Promise<string> => mesh.isthmus('status');
  await eventually('it has tried again', heard, text => /refused (?:[4-9]|\d\d)× address-taken/.test(text));
  t.regex(await ask(), / 403$/);
  t.like((await alpha.status()).workloads, [{ uid: 'alpha/default/r', state: 'joined' }]);

  await writeFile(file, right);
  await alpha.agent().kill();
  await alpha.startAgent();
  await eventually('it is let in again', manager, ({ connected }) => connected);
  t.regex(await ask(), / 403$/);
});
