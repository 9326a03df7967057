import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { eventually } from '../eventually.ts';
import { startEcho } from '../hosts/apps.ts';
import { server, UID } from './cast.ts';
import { Mesh } from './mesh.ts';

test('what is wrong on a host is told where the mesh is looked at: a program on its port, a file with a typo', async t => {
  t.timeout(120_000);
  await using mesh = await Mesh.create('told');
  await mesh.startManager();
  const alpha = await mesh.host('alpha');
  const { host } = alpha;
  await startEcho(host, 'squatter', [15_008], { uid: UID.plain });
  await alpha.workload(server('r1', UID.first, 9081, 'v1'));
  const file = join(host.configDir, 'workloads.d', 'x.yaml');
  await writeFile(file, 'name: x\nselector: {user: 2002}\nprots: []\n');
  const told = await eventually(
    'both are told',
    () => mesh.isthmus('status'),
    text => text.includes('tunnel') && text.includes('prots'),
  );
  const lines = told.split('\n').map(line => line.trim());
  t.true(
    lines.includes(
      `alpha: tunnel: another program listens on 0.0.0.0:15008: see ss -lptn 'sport = :15008'; end it, or set another "tunnelPort" in agent.yaml; it is tried again every 30 s`,
    ),
    told,
  );
  t.true(
    lines.some(line => line.startsWith(`alpha: ${file}:3: prots: is not a field here`)),
    told,
  );
  await t.throwsAsync(mesh.isthmus('status', '--check'));
});
