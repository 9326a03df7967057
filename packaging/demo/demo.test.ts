import test from 'ava';
import type { ServiceReport } from '../../manager/api/inspect.ts';
import type { CallerReport } from './caller.ts';
import { renderLine, renderScreen } from './screen.ts';
import { Pace, splitAt, splitConfig } from './shift.ts';
import { placesOf, summarize } from './summary.ts';

const nothing: CallerReport = { calls: 0, byInstance: {}, refused: 0, failures: {}, ended: true };
const places = {
  'reviews-1': { host: 'alpha', registry: 'vms', version: 'v1' },
  'reviews-2': { host: 'beta', registry: 'cluster', version: 'v2' },
};

const cases: readonly (readonly [string, Partial<CallerReport>, Partial<CallerReport>, object])[] = [
  [
    'all is well',
    { calls: 3, byInstance: { 'reviews-1': 3 } },
    { calls: 2, refused: 2 },
    { calls: 3, failed: 0, refused: 2, failures: {} },
  ],
  [
    'a call failed',
    { calls: 3, byInstance: { 'reviews-1': 2 }, failures: { 'status 503': 1 } },
    {},
    { failed: 1, failures: { 'web: status 503': 1 } },
  ],
  [
    'the one that may call was refused',
    { calls: 1, refused: 1 },
    {},
    { failed: 1, refused: 0, failures: { 'web: refused': 1 } },
  ],
  [
    'the one that may not call was served',
    {},
    { calls: 5, refused: 4, byInstance: { 'reviews-2': 1 } },
    { failed: 1, refused: 4, failures: { 'other: served': 1 } },
  ],
];

for (const [title, web, other, expected] of cases)
  test(`summary: ${title}`, t => {
    t.like(summarize({ ...nothing, ...web }, { ...nothing, ...other }, places), expected);
  });

test('every instance is in the summary, called or not, with its host and registry', t => {
  const summary = summarize({ ...nothing, calls: 2, byInstance: { 'reviews-1': 1, stray: 1 } }, nothing, places);
  t.deepEqual(summary.byInstance, {
    'reviews-1': { calls: 1, host: 'alpha', registry: 'vms', version: 'v1' },
    'reviews-2': { calls: 0, host: 'beta', registry: 'cluster', version: 'v2' },
    stray: { calls: 1, host: 'unknown', registry: 'unknown', version: '' },
  });
});

test('where an instance stands is what the Manager says', t => {
  const instance = {
    source: 'vms',
    labels: { version: 'v1' },
    reach: { kind: 'mesh', host: 'alpha', workload: 'alpha/default/reviews-1' },
  };
  const direct = { source: 'vms', labels: {}, reach: { kind: 'direct' } };
  t.deepEqual(placesOf({ instances: [instance, direct] } as unknown as ServiceReport), {
    'reviews-1': places['reviews-1'],
  });
});

test('the table shows rate and share of each instance since the moment before', t => {
  const before = summarize({ ...nothing, calls: 10, byInstance: { 'reviews-1': 9, 'reviews-2': 1 } }, nothing, places);
  const summary = summarize(
    { ...nothing, calls: 30, byInstance: { 'reviews-1': 24, 'reviews-2': 6 } },
    { ...nothing, calls: 4, refused: 4 },
    places,
  );
  const moment = { summary, before, betweenMs: 2000, split: { v1: 70, v2: 30 } };
  const screen = renderScreen(moment, { colour: false });
  t.regex(screen, /^web +reviews-1 +v1 +alpha +vms +24 +7\.5 +75%$/m);
  t.regex(screen, /^web +reviews-2 +v2 +beta +cluster +6 +2\.5 +25%$/m);
  t.regex(screen, /^other +reviews +4 +2\.0 +403 by policy$/m);
  t.true(
    renderScreen(moment, { colour: false, width: 50 })
      .split('\n')
      .slice(2, 6)
      .every(line => line.length <= 50),
  );
  t.is(
    renderLine(moment),
    'split 70/30: web -> reviews 30 calls, 0 failed (reviews-1@alpha 24, reviews-2@beta 6); other -> reviews 4 refused\n',
  );
});

test('what the demo is about fits into 80 columns, also after a million calls', t => {
  const calls = 1_234_567;
  const web = { ...nothing, calls, byInstance: { 'reviews-1': calls } };
  const summary = summarize(web, { ...nothing, calls, refused: calls }, places);
  const moment = { summary, before: summary, betweenMs: 2000, split: { v1: 90, v2: 10 } };
  const lines = renderScreen(moment, { colour: false, width: 80 }).split('\n');
  t.is(lines[0], 'split v1/v2: 90/10; reviews:9080 is one service on two hosts, in two registries');
  t.regex(lines.find(line => line.startsWith('other')) ?? '', /^other +reviews +1234567 +0\.0 +403 by policy$/);
  t.true(lines.every(line => line.length <= 80 && !line.includes('…')));
});

for (const [lastsMs, expected] of [
  [30_000, [10, 30, 50, 70, 90, 70, 50]],
  [undefined, [10, 10, 30, 30, 50, 50, 70]],
] as const)
  test(`where nothing is redrawn, each split gets its line, in a demo of ${lastsMs ?? 'no'} end`, t => {
    const pace = new Pace(lastsMs);
    const shown: number[] = [];
    for (let atMs = 0; atMs <= (lastsMs ?? 35_000); atMs += 500) {
      if (pace.line(atMs)) shown.push(pace.split.v2);
      pace.shift(atMs);
    }
    t.deepEqual(shown.slice(0, 7), expected);
  });

test('the split begins at 90/10, reaches 10/90, and comes around', t => {
  t.deepEqual(
    [0, 2, 4, 8].map(step => splitAt(step).v2),
    [10, 50, 90, 10],
  );
  t.regex(splitConfig({ v1: 70, v2: 30 }), /subset: v1 }\n +weight: 70[\s\S]*subset: v2 }\n +weight: 30\n/);
});
