import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { eventually } from '../eventually.ts';
import { startLoad } from '../hosts/apps.ts';
import { UID } from './cast.ts';
import { oneHost } from './one-host.ts';

test('an agent that starts with other settings of Envoy has another Envoy take over, without a lost call', async t => {
  t.timeout(120_000);
  await using on = await oneHost('upgrade');
  const { alpha } = on;
  const { host } = alpha;
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
