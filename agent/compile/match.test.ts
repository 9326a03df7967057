import test from 'ava';
import type { HttpMatch } from '../../manager/model/config/virtual-service.ts';
import { routeMatch } from './match.ts';
import type { JsonMap } from './resource.ts';

const CASES: readonly [name: string, match: HttpMatch, made: JsonMap][] = [
  ['nothing', {}, { prefix: '/' }],
  ['exact', { uri: { exact: '/a' } }, { path: '/a' }],
  ['prefix', { uri: { prefix: '/a' } }, { prefix: '/a' }],
  ['regex', { uri: { regex: '/a+' } }, { safe_regex: { regex: '/a+' } }],
  ['any case', { uri: { exact: '/A' }, ignoreUriCase: true }, { path: '/A', case_sensitive: false }],
  [
    'method',
    { method: { exact: 'GET' } },
    { prefix: '/', headers: [{ name: ':method', string_match: { exact: 'GET' } }] },
  ],
  [
    'headers and authority',
    { authority: { prefix: 'rev' }, headers: { 'x-user': { regex: 'a|b' } } },
    {
      prefix: '/',
      headers: [
        { name: 'x-user', string_match: { safe_regex: { regex: 'a|b' } } },
        { name: ':authority', string_match: { prefix: 'rev' } },
      ],
    },
  ],
  [
    'any value of a header',
    { headers: { 'x-any': { prefix: '' } } },
    { prefix: '/', headers: [{ name: 'x-any', present_match: true }] },
  ],
];

for (const [name, match, made] of CASES) test(name, t => t.deepEqual(routeMatch(match), made));
