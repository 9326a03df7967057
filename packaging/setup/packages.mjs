// Exits with 0 when node_modules holds what package-lock.json asks for. Plain JavaScript: it runs before our own Node is there.
import { existsSync, readFileSync } from 'node:fs';

const wanted = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
const present = 'node_modules/.package-lock.json';
const have = existsSync(present) ? JSON.parse(readFileSync(present, 'utf8')).packages : {};
const missing = Object.entries(wanted).filter(
  ([path, entry]) => path !== '' && have[path]?.integrity !== entry.integrity && (have[path] || !entry.optional),
);
// npm leaves optional packages out where they do not fit; one that fits here must be there.
const fits = Object.entries(wanted).filter(
  ([path, entry]) =>
    entry.optional &&
    [entry.os ?? process.platform].flat().includes(process.platform) &&
    [entry.cpu ?? process.arch].flat().includes(process.arch) &&
    path.startsWith('node_modules/node-linux-') &&
    !existsSync(`${path}/bin/node`),
);
process.exitCode = missing.length + fits.length > 0 ? 1 : 0;
