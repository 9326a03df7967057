import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { silentLogger } from '../../manager/model/util/log.ts';
import { makeFolder } from '../../test/folders.ts';
import { admittedLine } from '../compile/admitted.ts';
import { AdmittedLog, endsOf } from './admitted-log.ts';

const line = (port: number, who: string): string =>
  admittedLine({
    cluster: 'app|a/default/reviews|80',
    local: `10.0.0.1:${port}`,
    remote: '10.0.0.1:80',
    source: `spiffe://x/ns/default/sa/${who}`,
  });

test('it is kept small without losing a connection that stands, though Envoy goes on writing', async t => {
  const folder = makeFolder('admitted');
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'admitted');
  let reopened = 0;
  const reopen = async (): Promise<void> => {
    reopened += 1;
  };
  const log = new AdmittedLog({ path, reopen, maximum: 100, logger: silentLogger });
  const open = new Set<string>();
  const stand = (...ports: number[]): void => {
    for (const port of ports) open.add(endsOf({ local: `10.0.0.1:${port}`, remote: '10.0.0.1:80' }));
  };
  const bound = (): Promise<void> => log.bound(async () => open);
  const ports = async (): Promise<string[]> =>
    (await log.read()).map(({ local, source }) => `${local.split(':')[1]} ${source?.split('/').at(-1)}`);

  t.deepEqual(await log.read(), []);
  await writeFile(path, line(1, 'a') + line(2, 'b') + line(2, 'c') + line(3, 'd'));
  stand(2, 3);
  await bound();
  t.is(reopened, 1);
  // Envoy has the old file still.
  await appendFile(
    `${path}.turning`,
    `${line(4, 'e')}refuse - 10.0.0.1:80 spiffe://x/ns/default/sa/f\napp|a/default/rev`,
  );
  stand(4);
  await bound();
  t.is(reopened, 2);
  t.deepEqual(await ports(), ['1 a', '2 b', '2 c', '3 d', '4 e']);
  await writeFile(path, line(3, 'g'));
  await bound();
  t.deepEqual(await readdir(folder), ['admitted', 'admitted.kept']);
  t.deepEqual(await ports(), ['2 b', '2 c', '3 d', '4 e', '3 g']);
  t.is(await readFile(path, 'utf8'), line(3, 'g'));
});
