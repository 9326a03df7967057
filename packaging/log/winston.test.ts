import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import test from 'ava';
import type { Logger } from '../../manager/model/util/log.ts';
import { createLogger, type LogOptions } from './winston.ts';

/** The first lines that come out. */
async function logged(count: number, format: LogOptions['format'], use: (logger: Logger) => void): Promise<string[]> {
  const stream = new PassThrough();
  use(createLogger({ level: 'info', format, colour: false, stream }));
  const lines: string[] = [];
  for await (const line of createInterface({ input: stream })) if (lines.push(line) === count) break;
  return lines;
}

test('an event is one JSON object on one line, with its own facts and those of its logger', async t => {
  const lines = await logged(2, 'json', logger => {
    const child = logger.child({ part: 'dns' });
    child.warn('two\nlines', {
      error: Object.assign(new Error('no', { cause: new Error('why') }), { code: 'ENOENT' }),
      count: 3n,
    });
    child.debug('not shown');
    logger.info('plain', { nothing: undefined });
  });
  const [first, second] = lines.map(line => JSON.parse(line) as Record<string, unknown>);
  t.like(first, { level: 'warn', message: 'two\nlines', part: 'dns', error: 'no: why (ENOENT)', count: '3' });
  t.true(Number.isFinite(Date.parse(String(first?.['time']))));
  t.deepEqual(Object.keys(second ?? {}), ['time', 'level', 'message']);
});

test('people read a line with the time, the level and facts as key=value', async t => {
  const [line] = await logged(1, 'text', logger =>
    logger.error('broke\nhere', { path: '/etc/x', why: 'a b', list: [1, 2] }),
  );
  t.regex(line ?? '', /^\d\d:\d\d:\d\d\.\d{3} error broke\\nhere path=\/etc\/x why="a b" list=\[1,2\]$/);
});

for (const format of ['text', 'json'] as const)
  test(`what a registry or a host calls itself moves no cursor where the log is shown as ${format}`, async t => {
    const name = 'a\u009b2Jb\u007f\u001b[2J';
    const [line] = await logged(1, format, logger => logger.warn('new', { name, list: [name] }));
    t.notRegex(line ?? '', /\p{Cc}/u);
  });
