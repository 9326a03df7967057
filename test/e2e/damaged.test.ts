import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { eventually } from '../eventually.ts';
import { onlyWeb, REVIEWS, UID } from './cast.ts';
import { answers, oneHost } from './one-host.ts';

/** What is done to the text of a file of the snapshot. */
const DAMAGES: readonly (readonly [file: string, damage: (text: string) => string])[] = [
  ['ServiceView', () => ''],
  ['ServiceView', text => JSON.stringify((JSON.parse(text) as object[]).map(one => ({ ...one, body: 'AA==' })))],
  ['InstanceList', text => text.slice(0, -20)],
  ['MeshSettings', () => '{}'],
];

test('what of the snapshot cannot be read takes no service from an Envoy that runs, and comes again with the Manager', async t => {
  t.timeout(180_000);
  await using on = await oneHost('damaged');
  const { mesh, alpha, list } = on;
  const { host } = alpha;
  // Of a program that asked for the name once.
  const address = (await host.run(['getent', 'ahostsv4', 'reviews'], { uid: UID.web })).split(/\s/)[0]!;
  const call = (): Promise<string> =>
    host.run(['curl', '-sS', '--fail', '--max-time', '3', REVIEWS.replace('reviews', address)], { uid: UID.web });
  let port: 9081 | 9082 = 9081;
  for (const [file, damage] of DAMAGES) {
    await mesh.manager.kill('SIGKILL');
    await alpha.agent().kill('SIGKILL');
    const path = join(host.stateDir, 'agent/snapshot', `${file}.json`);
    const whole = await readFile(path, 'utf8');
    await writeFile(path, damage(whole));
    await alpha.startAgent();
    await eventually(
      `${file}: that it is damaged is told, and the workloads are known`,
      () => alpha.status(),
      ({ problems, envoy, workloads }) =>
        envoy.connected && workloads.length === 3 && problems.some(({ where }) => where === 'snapshot'),
    );
    for (let i = 0; i < 20; i += 1) t.regex(await call(), port === 9081 ? /r1/ : /r2/);

    port = port === 9081 ? 9082 : 9081;
    await list(port);
    await mesh.startManager();
    await eventually(
      `${file}: the new instance is called at the address that was known`,
      async () => await call(),
      answer => answer.includes(port === 9081 ? 'r1' : 'r2'),
    );
    await eventually(
      `${file}: nothing is damaged any more`,
      () => alpha.status(),
      ({ problems }) => problems.length === 0,
    );
    await eventually(
      `${file}: it lies on disk again`,
      () => readFile(path, 'utf8'),
      text => text.length >= whole.length,
    );
  }
  await answers(host, port === 9081 ? 'r1' : 'r2');
});

test('workloads whose certificates on disk cannot be read, or whose policies are gone from it, stay in the mesh without a Manager too', async t => {
  t.timeout(180_000);
  await using on = await oneHost('unread');
  const { mesh, alpha } = on;
  const { host } = alpha;
  const status = (url: string, uid: number): Promise<string> =>
    host
      .exec(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '5', url], { uid })
      .then(({ stdout }) => stdout);
  const stranger = (): Promise<string> => status('http://127.0.0.1:9081/', UID.plain);
  await mesh.apply(onlyWeb('reviews'));
  await eventually('the policy is in force', stranger, code => code === '403');
  await Promise.all([alpha.agent().kill('SIGTERM'), mesh.manager.kill()]);
  const folder = join(host.stateDir, 'agent/certificates');
  for (const file of await readdir(folder)) await writeFile(join(folder, file), '{');
  await alpha.startAgent();
  const inMesh = (): Promise<unknown> =>
    eventually(
      'they are in the mesh',
      () => alpha.status(),
      ({ redirect, workloads }) =>
        redirect.active && workloads.length === 3 && workloads.every(({ state }) => state === 'joined'),
    );
  await inMesh();
  t.is(await stranger(), '403');
  t.is(await status(REVIEWS, UID.web), '200');

  await alpha.agent().kill('SIGTERM');
  await rm(join(host.stateDir, 'agent/snapshot/WorkloadPolicy.json'));
  await alpha.startAgent();
  await inMesh();
  t.is(await stranger(), '403');
  await mesh.startManager();
  await eventually(
    'the policy is that of the Manager again',
    () => status(REVIEWS, UID.web),
    code => code === '200',
  );
  t.is(await stranger(), '403');
});
