import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Authority } from './authority.ts';
import { openssl, scratch } from './fixture.ts';
import { authorityFromPem, authorityFromPkcs12 } from './given.ts';
import { makeKey } from './root.ts';

const ID = 'spiffe://isthmus.mesh/ns/default/sa/web';

/** A root and an authority below it, as files: `root.pem`, `middle.pem`, `middle.key`, `ca.p12` (password `geheim`). */
function chainOf(directory: string): void {
  const run = (...args: string[]): string => openssl(directory, ...args);
  const key = (name: string): string => run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', name);
  const usage = 'keyUsage=critical,keyCertSign';
  key('root.key');
  key('middle.key');
  run(...'req -x509 -new -key root.key -subj /CN=root -days 30 -out root.pem -addext'.split(' '), usage);
  run(...'req -new -key middle.key -subj /CN=middle -out middle.csr'.split(' '));
  writeFileSync(join(directory, 'ext'), `basicConstraints=critical,CA:TRUE\n${usage}\nsubjectKeyIdentifier=hash\n`);
  run(...'x509 -req -in middle.csr -CA root.pem -CAkey root.key -days 20 -extfile ext -out middle.pem'.split(' '));
  const bundle = 'pkcs12 -export -inkey middle.key -in middle.pem -certfile root.pem -passout pass:geheim -out ca.p12';
  run(...bundle.split(' '));
}

function leafKey(): KeyObject {
  return createPublicKey(createPrivateKey(makeKey()));
}

test('an authority is given as PEM with an intermediate, or as PKCS#12', async t => {
  const directory = scratch(t);
  chainOf(directory);
  const text = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const bytes = readFileSync(join(directory, 'ca.p12'));
  const pem = authorityFromPem(text('middle.pem') + text('root.pem'), text('middle.key'));
  for (const given of [pem, await authorityFromPkcs12(bytes, 'geheim')]) {
    const ca = new Authority(given, { trustDomain: 'isthmus.mesh', now: Date.now });
    const issued = ca.issueWorkload(leafKey(), ID);
    t.is(issued.chain.match(/BEGIN/g)?.length, 2);
    writeFileSync(join(directory, 'leaf.pem'), issued.chain);
    const verify = 'verify -x509_strict -CAfile root.pem -untrusted leaf.pem leaf.pem';
    t.regex(openssl(directory, ...verify.split(' ')), /OK/);
  }
  openssl(directory, ...'ec -in middle.key -aes256 -passout pass:geheim -out locked.key'.split(' '));
  const locked = authorityFromPem(text('middle.pem') + text('root.pem'), text('locked.key'), 'geheim');
  t.true(locked.key.equals(pem.key));
});

test('an authority that cannot be used is refused, and why', async t => {
  const directory = scratch(t);
  chainOf(directory);
  const text = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const make = (name: string, kind: string, ...more: string[]): unknown =>
    openssl(
      directory,
      ...`req -x509 -nodes -keyout ${name}.key -subj /CN=root -days 9 -out ${name}.pem -newkey ${kind}`.split(' '),
      ...more,
    );
  const curve = ['-pkeyopt', 'ec_paramgen_curve:P-256'];
  make('other', 'ec', ...curve);
  make('leaf', 'ec', ...curve, '-addext', 'basicConstraints=critical,CA:FALSE');
  make('edwards', 'ed25519');
  const refused: readonly (readonly [certificates: string, key: string, why: RegExp])[] = [
    [text('root.pem'), text('middle.key'), /does not fit its first certificate/],
    [text('middle.pem'), text('middle.key'), /last certificate .* not self-signed/],
    ['', text('middle.key'), /no certificate that fits its key/],
    [text('root.pem'), 'no key', /^Cannot read the given CA: .*; give its certificate and its key as PEM$/],
    [text('leaf.pem'), text('leaf.key'), /may not sign others: .* CA:TRUE/],
    [text('other.pem') + text('leaf.pem'), text('other.key'), /may not sign others/],
    [text('middle.pem') + text('other.pem'), text('middle.key'), /^Certificate 1 .* not signed by certificate 2$/],
    [text('edwards.pem'), text('edwards.key'), /^The given CA cannot sign with a key of kind ed25519 ; use ECDSA/],
  ];
  for (const [certificates, key, message] of refused)
    t.throws(() => authorityFromPem(certificates, key), { code: 'CA_UNUSABLE', message });
  const bundle = readFileSync(join(directory, 'ca.p12'));
  await t.throwsAsync(authorityFromPkcs12(bundle, 'wrong'), { code: 'CA_UNUSABLE', message: /PKCS#12/ });
  openssl(directory, ...'pkcs12 -export -nokeys -in root.pem -passout pass:geheim -out none.p12'.split(' '));
  const none = readFileSync(join(directory, 'none.p12'));
  await t.throwsAsync(authorityFromPkcs12(none, 'geheim'), { code: 'CA_UNUSABLE', message: /holds no private key/ });
});

for (const [kind, ...newKey] of [
  ['RSA', '-newkey', 'rsa:2048'],
  ['ECDSA P-384', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
] as const)
  test(`an authority of ${kind} signs too`, async t => {
    const directory = scratch(t);
    const files = '-nodes -keyout k.pem -subj /CN=ca -days 9 -out root.pem'.split(' ');
    openssl(directory, 'req', '-x509', ...newKey, ...files);
    openssl(directory, ...'pkcs12 -export -inkey k.pem -in root.pem -passout pass:x -out ca.p12'.split(' '));
    const given = await authorityFromPkcs12(readFileSync(join(directory, 'ca.p12')), 'x');
    const ca = new Authority(given, { trustDomain: 'isthmus.mesh', now: Date.now });
    writeFileSync(join(directory, 'leaf.pem'), ca.issueHost(leafKey(), 'a').chain);
    t.regex(openssl(directory, 'verify', '-CAfile', 'root.pem', 'leaf.pem'), /OK/);
  });
