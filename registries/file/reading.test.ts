import test from 'ava';
import { stringify } from 'yaml';
import { readDocument } from './document.ts';
import { readContent } from './reading.ts';

const MANY = 10_000;
const instances = Array.from({ length: MANY }, (_, n) => ({ address: `10.0.${n >> 8}.${n & 255}`, port: 8000 }));
const LARGE = stringify({ services: [{ name: 'large', instances }] });

test.serial('a large file is read in a thread, and holds up nothing meanwhile', async t => {
  const begun = performance.now();
  const whole = readDocument(LARGE, 'a.yaml');
  const alone = performance.now() - begun;
  let [last, longest] = [performance.now(), 0];
  const beat = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const content = await readContent(LARGE, 'a.yaml', new AbortController().signal);
  clearInterval(beat);
  longest = Math.max(longest, performance.now() - last);
  t.deepEqual(content, whole);
  t.log(`held up for ${longest.toFixed(0)} ms at the longest, instead of ${alone.toFixed(0)} ms`);
  t.true(longest < alone / 3);
});

test.serial('why a large file cannot be used is said as of a small one', async t => {
  const broken = `${LARGE}  - name: "a\n`;
  const { message } = t.throws(() => readDocument(broken, 'a.yaml'));
  await t.throwsAsync(readContent(broken, 'a.yaml', new AbortController().signal), { message });
});

test.serial('the reading of a large file ends with its signal', async t => {
  const controller = new AbortController();
  const reading = readContent(LARGE, 'a.yaml', controller.signal);
  controller.abort(new Error('enough'));
  await t.throwsAsync(reading, { message: 'enough' });
});
