import test from 'ava';
import { eventually } from '../eventually.ts';
import { folderFlags, type Host } from '../hosts/host.ts';
import type { Exit } from '../hosts/process.ts';
import { Mesh } from './mesh.ts';

const ISTHMUS = new URL('../../packaging/bin/isthmus', import.meta.url).pathname;

test('a second machine cannot join under the name of one that is connected; the same can, and one that takes the place of a dead one', async t => {
  t.timeout(120_000);
  await using mesh = await Mesh.create('twin');
  await mesh.startManager({ registries: [] });
  const beta = await mesh.host('beta');
  const other = await mesh.network.host('other');
  const connected = async (): Promise<boolean> => (await beta.status()).manager.connected;
  await eventually('beta is connected', connected, is => is);
  const words = ['token', 'create', '--host', 'beta', '--identity', 'default/*', '--output', 'json'];
  const token = async (): Promise<string> =>
    (JSON.parse(await mesh.isthmus(...words)) as { readonly token: string }).token;
  const join = (on: Host, text: string): Promise<Exit> =>
    on.exec([ISTHMUS, 'join', mesh.control.address, '--token', text, '--host', 'beta', ...folderFlags(on)]);

  const unused = await token();
  const refused = await join(other, unused);
  t.is(refused.code, 1);
  t.regex(
    refused.stderr,
    new RegExp(`refused: host "beta" is connected, from ${beta.host.address}; join this machine `),
  );
  t.true(await connected());

  const again = await join(beta.host, unused);
  t.is(again.code, 0, again.stderr);
  t.regex(again.stdout, new RegExp(`\\nNext: start its agent \\(process ${beta.agent().child.pid}\\) anew: `));
  await beta.agent().kill('SIGTERM');
  await beta.startAgent();
  await eventually('beta is connected again', connected, is => is);

  await beta.agent().kill('SIGKILL');
  const replaced = await join(other, await token());
  t.is(replaced.code, 0, replaced.stderr);
  t.regex(replaced.stdout, /^This host is "beta" .*\nNext: name its workloads in /);
});
