import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import test from 'ava';
import { MAXIMUM_BODY_BYTES, readRequest } from './request.ts';

const HALF = MAXIMUM_BODY_BYTES / 2;

const BODIES: readonly [what: string, chunks: readonly number[], read: number, isTaken: boolean][] = [
  ['as large as may be', [HALF, HALF], 2, true],
  ['that is a byte too large', [HALF, HALF, 1], 3, false],
  ['without end, which is left at once', [HALF, HALF, HALF, HALF, HALF, HALF], 3, false],
];

for (const [what, chunks, read, isTaken] of BODIES)
  test(`a body that does not say its size is ${isTaken ? 'taken' : 'refused'}: one ${what}`, async t => {
    let count = 0;
    async function* body(): AsyncGenerator<Buffer> {
      for (const size of chunks) {
        count += 1;
        yield Buffer.alloc(size, 'x');
      }
    }
    const stream = Readable.from(body(), { highWaterMark: 1 });
    const message = Object.assign(stream, { method: 'POST', url: '/', headers: {} }) as unknown as IncomingMessage;
    const reading = readRequest(message, new AbortController().signal);
    if (isTaken) t.is((await reading).body.length, MAXIMUM_BODY_BYTES);
    else await t.throwsAsync(reading, { message: /larger than 1048576 bytes/ });
    t.true(count <= read + 1, `${count} chunks were read`);
  });
