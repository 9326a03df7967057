import test from 'ava';
import type { OwnerOf } from './asker.ts';
import { Owners } from './owners.ts';

test('many who ask wait for one reading, and none gets one that began before', async t => {
  const readings: ((found: OwnerOf) => void)[] = [];
  const owners = new Owners('udp', () => new Promise(resolve => readings.push(resolve)));
  const early = [owners.now(), owners.now()];
  while (readings.length < 1) await new Promise(setImmediate);
  const late = [owners.now(), owners.now()];
  await new Promise(setImmediate);
  t.is(readings.length, 1);
  readings[0]!(() => 1);
  for (const each of early) t.is((await each)({ protocol: 'udp', address: '127.0.0.1', port: 1 }), 1);
  while (readings.length < 2) await new Promise(setImmediate);
  readings[1]!(() => 2);
  for (const each of late) t.is((await each)({ protocol: 'udp', address: '127.0.0.1', port: 1 }), 2);
  t.is(readings.length, 2);
});

test('where nothing can be read, nobody is known', async t => {
  const owners = new Owners('udp', () => Promise.reject(new Error('no')));
  t.is((await owners.now())({ protocol: 'udp', address: '127.0.0.1', port: 1 }), undefined);
});
