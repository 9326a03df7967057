import test from 'ava';
import { ConfigError } from './errors.ts';
import { Fields } from './fields.ts';

test('every wrong field is named at once, with its path and a hint', t => {
  const fields = new Fields({ sever: 'x', port: 70_000, tags: 'a', mode: 'strict' }, 'registries[0]');
  fields.required('server', 'try "127.0.0.1:8500"');
  fields.port('port');
  fields.strings('tags');
  fields.oneOf('mode', ['STRICT', 'PERMISSIVE']);
  fields.unknown();
  const error = t.throws(() => fields.check('registry "consul"'), { instanceOf: ConfigError });
  t.deepEqual(error?.message.split('; registries').length, 5);
  t.regex(error!.message, /registries\[0\]\.server: is missing; try "127\.0\.0\.1:8500"/);
  t.regex(error!.message, /registries\[0\]\.port: must be a whole number from 1 to 65535, not 70000/);
  t.regex(error!.message, /registries\[0\]\.tags: must be a list of texts, not "a"; try \["a"\]/);
  t.regex(error!.message, /try "STRICT"/);
  t.regex(error!.message, /registries\[0\]\.sever: is not a field here; did you mean "server"\?/);
});

test('null counts as absent and 0 does not', t => {
  const fields = new Fields({ a: null, b: 0 }, '');
  t.is(fields.string('a'), undefined);
  t.is(fields.number('b', 0, 1), 0);
  fields.unknown();
  t.notThrows(() => fields.check('it'));
});

test('of what is no map, that alone is said', t => {
  const fields = new Fields({ metadata: 'text', list: [1] }, '');
  for (const inner of [fields.map('metadata')!, ...fields.list('list')]) {
    inner.required('name');
    inner.failHere('must say something');
    inner.unknown();
  }
  t.deepEqual(
    fields.errors.map(({ path, message }) => `${path} ${message}`),
    ['metadata must be a map of fields, not "text"', 'list[0] must be a map of fields, not 1'],
  );
});
