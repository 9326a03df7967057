import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { eventually } from '../eventually.ts';
import { startEcho, startLoad } from '../hosts/apps.ts';
import { server, UID } from './cast.ts';
import { Mesh } from './mesh.ts';

const SERVICE = {
  name: 'reviews',
  ports: [{ number: 9080, name: 'http', protocol: 'http' }],
};

test('an agent that starts with other settings of Envoy has another Envoy take over, without a lost call', async t => {
  t.timeout(120_000);
  await using mesh = await Mesh.create('upgrade');
  const registry = join(mesh.control.configDir, 'services.yaml');
  await writeFile(registry, stringify({ services: [] }));
  await mesh.startManager({ registries: [{ name: 'services', kind: 'file', path: registry }] });
  const alpha = await mesh.host('alpha', [
    { name: 'web', selector: { user: UID.web } },
    server('r1', UID.first, 9081, 'v1'),
  ]);
  const { host } = alpha;
  await startEcho(host, 'r1', [9081], { uid: UID.first });
  const instances = [{ id: 'r1', address: host.address, port: 9081 }];
  await writeFile(registry, stringify({ services: [{ ...SERVICE, instances }] }));
  await eventually(
    'the service is called',
    () => host.exec(['curl', '-sS', '--fail', '--max-time', '3', 'http://reviews:9080/'], { uid: UID.web }),
    ({ code }) => code === 0,
  );
  const before = await alpha.status();
  // By address: a lookup that a killed agent leaves unanswered is asked again by the C library after five seconds.
  const [address] = (await host.run(['getent', 'ahostsv4', 'reviews'], { uid: UID.web })).split(/\s/);
  const load = startLoad(
    host,
    { url: `http://${address}:9080/`, connections: 4, rate: 200, keepAlive: false },
    { uid: UID.web },
  );
  await load.until(({ requests }) => requests > 100);
  await appendFile(join(host.configDir, 'agent.yaml'), 'envoy: { drainSeconds: 30 }\n');
  await alpha.agent().kill('SIGKILL');
  await alpha.startAgent();
  const after = await eventually(
    'another Envoy has taken over',
    () => alpha.status(),
    ({ envoy }) => envoy.connected && envoy.pid > 0 && envoy.pid !== before.envoy.pid,
  );
  t.is(after.envoy.restarts, 0);
  const { requests } = load.now();
  await load.until(report => report.requests > requests + 400);
  const { failed, failures, longestGapMs } = await load.stop();
  t.true(longestGapMs < 1_000, `no answer for ${longestGapMs} ms`);
  t.log(`no answer for ${longestGapMs} ms`);
  t.is(failed, 0, JSON.stringify(failures));
});
