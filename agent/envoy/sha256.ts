// sha256.ts <file>: prints the SHA-256 of a file in hexadecimal.
import { createHash } from 'node:crypto';
import { openSync, readSync } from 'node:fs';

const hash = createHash('sha256');
const file = openSync(process.argv[2] ?? '', 'r');
const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) hash.update(buffer.subarray(0, read));
process.stdout.write(hash.digest('hex'));
