import { globSync, readFileSync } from 'node:fs';
import test from 'ava';

const NOT_RUN = /\b(?:test|serial)\s*\.\s*(?:serial\s*\.\s*)?(?:skip|todo|failing|only)\b/;

test('every test that is written is run: none is skipped, left to do, expected to fail, or run alone', t => {
  const files = globSync('{agent,auth,manager,mixer,packaging,platforms,registries,test}/**/*.test.ts');
  t.true(files.length > 0);
  t.deepEqual(
    files.filter(file => NOT_RUN.test(readFileSync(file, 'utf8'))),
    [],
  );
});
