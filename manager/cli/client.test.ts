import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { startApi } from '../api/fixture.ts';
import { connectManager } from './client.ts';
import { unreachable } from './client-errors.ts';
import { run } from './fixture-run.ts';

const soon = (): AbortSignal => AbortSignal.timeout(20_000);

function place(t: ExecutionContext): string {
  const folder = makeFolder('client');
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a Manager that hangs is said not to answer, with what to do', async t => {
  const folder = place(t);
  await using silent = createServer(socket => socket.resume()).listen(join(folder, 'manager.sock'));
  await once(silent, 'listening');
  const error = await t.throwsAsync(connectManager({ runDir: folder }, 50).request({ path: '/livez' }, soon()), {
    name: 'CommandError',
    message: `The Manager at ${folder}/manager.sock did not answer within 0.05 s`,
  });
  t.like(error, { next: 'the same again; if it stays so, see what its log says, and start it anew' });
});

const failures: readonly [string, string, string | undefined, RegExp, RegExp][] = [
  ['/run/m.sock', 'EACCES', undefined, /^You may not open \/run\/m\.sock: it is for root$/, /the same as root/],
  [
    '/run/m.sock',
    'ECONNREFUSED',
    undefined,
    /^No Manager answers at \/run\/m\.sock$/,
    /^isthmus manager, or isthmus up if that ran here; /,
  ],
  [
    'https://m:15014',
    'SELF_SIGNED_CERT_IN_CHAIN',
    undefined,
    /^The certificate of the Manager at https:\/\/m:15014 does not come from a root that is trusted here: why$/,
    /^--ca-file <a copy of root\.pem in the Manager's state directory>$/,
  ],
  [
    'https://m:15014',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ca.pem',
    /does not come from the root in ca\.pem: why$/,
    /root\.pem/,
  ],
];

for (const [name, code, caFile, message, next] of failures)
  test(`${code} of ${name}${caFile === undefined ? '' : ' with --ca-file'} is told in our words`, t => {
    const error = unreachable(name, caFile, Object.assign(new Error('why; try Node'), { code }));
    t.regex(error.message, message);
    t.regex(error.next ?? '', next);
  });

test('over HTTPS, what is wrong with a file of ours is told by its name', async t => {
  const folder = place(t);
  const [key, cert, token, other] = ['key.pem', 'ca.pem', 'token', 'other'].map(name => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=127.0.0.1 -addext';
  const files = ['subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert];
  execFileSync('openssl', [...request.split(' '), ...files], { stdio: 'ignore' });
  writeFileSync(token, 'x'.repeat(43));
  writeFileSync(other, 'two words');
  const certificate = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  const api = await startApi(t, { https: { host: '127.0.0.1', port: 0, certificate, token: 'y'.repeat(43) } });
  const cases: readonly [string, string][] = [
    [
      `--token-file ${token} --ca-file ${cert}`,
      `The token in ${token} is not that of the Manager at ${api.url}\nTry: a new copy `,
    ],
    [`--token-file ${other} --ca-file ${cert}`, `${other} holds no admin token\nTry: a copy of admin-token`],
    [`--token-file /nope --ca-file ${cert}`, 'Cannot read /nope: ENOENT'],
    [
      `--token-file ${token}`,
      `The certificate of the Manager at ${api.url} does not come from a root that is trusted here: `,
    ],
  ];
  for (const [options, said] of cases) {
    const { code, err } = await run(api, `services --manager ${api.url} ${options}`);
    t.is(code, 1);
    t.true(err.startsWith(said), err);
  }
});
