import test from 'ava';
import { isUp, supervisingUp } from './parent.ts';

const CASES: readonly [line: string, up: boolean][] = [
  ['node --optimize-for-size /opt/isthmus/packaging/isthmus.ts up --host a', true],
  ['node /opt/isthmus/packaging/isthmus.ts agent', false],
  ['node /opt/isthmus/packaging/isthmus.ts validate -f up', false],
  ['up', false],
  ['', false],
];
for (const [line, up] of CASES)
  test(`${line || 'nothing'} is ${up ? '' : 'not '}isthmus up`, t => t.is(isUp(line.split(' ')), up));

test('a process that something else started, or that is gone, has none', async t => {
  t.is(await supervisingUp(process.pid), undefined);
  t.is(await supervisingUp(2 ** 30), undefined);
});
