import { getEventListeners } from 'node:events';
import test from 'ava';
import { doneOrAborted } from './until.ts';

const ENDS: readonly [
  what: string,
  end: (work: PromiseWithResolvers<void>, stop: AbortController) => void,
  error?: string,
][] = [
  ['work is done', work => work.resolve()],
  ['work fails', work => work.reject(new Error('broken')), 'broken'],
  ['signal aborts', (_, stop) => stop.abort()],
];

for (const [what, end, message] of ENDS)
  test(`when the ${what} nothing of it stays at the signal`, async t => {
    const [work, stop] = [Promise.withResolvers<void>(), new AbortController()];
    const done = doneOrAborted(work.promise, stop.signal);
    t.is(getEventListeners(stop.signal, 'abort').length, 1);
    end(work, stop);
    if (message === undefined) await t.notThrowsAsync(done);
    else await t.throwsAsync(done, { message });
    t.is(getEventListeners(stop.signal, 'abort').length, 0);
  });

test('a signal that aborted before ends it at once', async t => {
  await t.notThrowsAsync(doneOrAborted(Promise.withResolvers<void>().promise, AbortSignal.abort()));
});
