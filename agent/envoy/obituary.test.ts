import test from 'ava';
import { Obituary } from './obituary.ts';

const CASES: readonly [what: string, said: string | undefined, kills: readonly (number | undefined)[], told: RegExp][] =
  [
    ['that said why', 'bad config', [1, 1], /^bad config$/],
    ['that said nothing', undefined, [1, 1], /^it left no word$/],
    ['that the kernel may have ended', undefined, [1, 2], /^it left no word; the kernel ended .* for want of memory/],
    ['that said something before', 'a warning', [1, 2], /^a warning; the kernel ended .* for want of memory/],
    ['on a kernel that does not count', undefined, [undefined, undefined], /^it left no word$/],
  ];

for (const [what, said, kills, told] of CASES)
  test(`why an Envoy died ${what}`, async t => {
    const counts = [...kills];
    const log = { size: () => Promise.resolve(7), reason: (from: number) => Promise.resolve(from === 7 ? said : 'no') };
    const obituary = new Obituary(log, () => Promise.resolve(counts.shift()));
    await obituary.begin();
    t.regex(await obituary.reason(), told);
  });
