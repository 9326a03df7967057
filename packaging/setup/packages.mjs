// Exits with 0 when node_modules holds what package-lock.json asks for. Plain JavaScript: it runs before our own Node is there.
import { existsSync, readFileSync } from 'node:fs';

const wanted = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
const present = 'node_modules/.package-lock.json';
const have = existsSync(present) ? JSON.parse(readFileSync(present, 'utf8')).packages : {};
// Our Node is for glibc alone.
const here = { os: process.platform, cpu: process.arch, libc: 'glibc' };
const fits = entry => Object.entries(here).every(([what, value]) => [entry[what] ?? value].flat().includes(value));
const isThere = (path, entry) => have[path]?.integrity === entry.integrity && existsSync(`${path}/package.json`);
// Optional packages are programs for one platform each. What npm installed of others has to be what the lock file names, too.
const missing = Object.entries(wanted).filter(
  ([path, entry]) => path !== '' && (!entry.optional || path in have || fits(entry)) && !isThere(path, entry),
);
process.exitCode = missing.length > 0 ? 1 : 0;
