// Exits with 0 when node_modules holds what package-lock.json asks for. Plain JavaScript: it runs before our own Node is there.
import { existsSync, readFileSync } from 'node:fs';

const wanted = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
const present = 'node_modules/.package-lock.json';
const have = existsSync(present) ? JSON.parse(readFileSync(present, 'utf8')).packages : {};
const here = { os: process.platform, cpu: process.arch };
/** npm leaves optional packages out where they do not fit. */
const fits = entry => Object.entries(here).every(([what, value]) => [entry[what] ?? value].flat().includes(value));
const isThere = (path, entry) => have[path]?.integrity === entry.integrity && existsSync(`${path}/package.json`);
// Of optional packages only our Node is vital, and what npm chose to install must be what the lock file names.
const vital = path => path.startsWith('node_modules/node-linux-');
const missing = Object.entries(wanted).filter(([path, entry]) => {
  if (path === '' || (entry.optional && !(path in have) && !(vital(path) && fits(entry)))) return false;
  return !isThere(path, entry);
});
process.exitCode = missing.length > 0 ? 1 : 0;
