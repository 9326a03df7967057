import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { makeFolder } from '../folders.ts';

const urlOf = (path: string): string => new URL(`../../${path}`, import.meta.url).href;

/** Reads a folder as a platform and as a registry, changes what is in it, and prints what each says of it before and after. */
const PROGRAM = `
import { writeFileSync } from 'node:fs';
import { LinuxPlatform } from '${urlOf('platforms/linux/linux.ts')}';
import { FileRegistry } from '${urlOf('registries/file/file.ts')}';
const folder = process.argv[1];
const signal = AbortSignal.timeout(10_000);
const workload = user => writeFileSync(folder + '/w.yaml', 'name: web\\nselector: {user: ' + user + '}\\n');
const service = name => writeFileSync(folder + '/w.yaml', 'services: [{name: ' + name + ', instances: [{address: 10.0.0.1, port: 80}]}]\\n');
const states = new LinuxPlatform(folder, 'a').watch(signal);
const users = async () => (await states.next()).value.workloads.map(each => each.selector.uid);
workload('daemon');
const first = await users();
workload('nobody');
const said = [...first, ...await users()];
service('one');
for await (const event of new FileRegistry(folder).watch(signal)) {
  if (event.type === 'service' && event.service.instances.length > 0) said.push(event.service.name);
  if (event.type === 'synced') service('two');
  if (said.at(-1) === 'two') break;
}
console.log(JSON.stringify(said));
process.exit();`;

test('where the system has no watch left to give, folders are read and followed all the same', async t => {
  const folder = makeFolder('watches');
  t.teardown(() => rm(folder, { recursive: true }));
  const script = 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$0" --input-type=module -e "$1" "$2"';
  const argv = ['--user', '--map-root-user', 'sh', '-c', script, process.execPath, PROGRAM, folder];
  const { stdout } = await promisify(execFile)('unshare', argv);
  t.deepEqual(JSON.parse(stdout), [1, 65_534, 'one', 'two']);
});
