import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { processStat } from './process-stat.ts';

test('what the kernel says of a process, whatever its name', async t => {
  const own = processStat(process.pid)!;
  t.is(own.parent, process.ppid);
  t.true(own.ticks >= 0 && own.start > 0);
  const odd = spawn('sh', ['-c', 'printf "a) Z 1 (b" >/proc/self/comm; echo; read -r _'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => odd.kill('SIGKILL'));
  await once(odd.stdout, 'data');
  const stat = processStat(odd.pid!)!;
  t.is(stat.parent, process.pid);
  t.true(stat.start >= own.start);
  t.true(['R', 'S'].includes(stat.state));
});

test('a process that is gone is none', t => {
  const pid = Number(execFileSync('sh', ['-c', 'echo $$']).toString());
  t.is(processStat(pid), undefined);
});
