import test from 'ava';
import { resource, TYPE } from './resource.ts';

test('the version follows the content, not the origins', t => {
  const one = resource(TYPE.cluster, 'a', { name: 'a' }, ['service a']);
  t.is(one.version, resource(TYPE.cluster, 'a', { name: 'a' }, ['service b']).version);
  t.not(one.version, resource(TYPE.cluster, 'a', { name: 'a', type: 'EDS' }, ['service a']).version);
});
