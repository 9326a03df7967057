import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../test/folders.ts';
import { Authority, BACKDATE_MS, issuedAt, LIFETIME } from './authority.ts';
import { toPem } from './certificate.ts';
import { makeRequest, readRequest } from './csr.ts';
import { authorityFromPem, authorityFromPkcs12 } from './given.ts';
import { spiffeIdOf } from './peer.ts';
import { fingerprintOf, makeKey, makeRoot, readRoot } from './root.ts';

const ID = 'spiffe://isthmus.mesh/ns/default/sa/web';

function openssl(directory: string, ...args: string[]): string {
  return execFileSync('openssl', args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A directory that goes with the test. */
function scratch(t: { teardown(work: () => void): void }): string {
  const directory = makeFolder('ca');
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

function authority(): Authority {
  return new Authority(readRoot(makeRoot('isthmus.mesh', Date.now())), { trustDomain: 'isthmus.mesh', now: Date.now });
}

test('openssl verifies what the authority signs, for both ends of TLS', t => {
  const directory = scratch(t);
  const ca = authority();
  const issued = ca.issueWorkload(createPublicKey(createPrivateKey(makeKey())), ID);
  writeFileSync(join(directory, 'root.pem'), ca.root);
  writeFileSync(join(directory, 'leaf.pem'), issued.chain);
  for (const purpose of ['sslclient', 'sslserver'])
    t.regex(openssl(directory, 'verify', '-x509_strict', '-purpose', purpose, '-CAfile', 'root.pem', 'leaf.pem'), /OK/);
  const text = openssl(directory, 'x509', '-in', 'leaf.pem', '-noout', '-text');
  t.regex(text, new RegExp(`URI:${ID}`));
  t.regex(text, /Signature Algorithm: ecdsa-with-SHA256/);
  t.regex(text, /X509v3 Key Usage: critical\s+Digital Signature\n/);
  t.regex(text, /TLS Web Server Authentication, TLS Web Client Authentication/);
  t.regex(text, /CA:FALSE/);
  const root = openssl(directory, 'x509', '-in', 'root.pem', '-noout', '-text', '-fingerprint', '-sha256');
  t.regex(root, /X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
  t.true(root.replaceAll(':', '').toLowerCase().includes(fingerprintOf(ca.root)));
  const life = issued.notAfter.getTime() - Date.now();
  t.true(life > LIFETIME.workload - 5000 && life <= LIFETIME.workload);
  t.is(spiffeIdOf(new X509Certificate(issued.chain)), ID);
});

test('the API is known by names and addresses', t => {
  const key = createPublicKey(createPrivateKey(makeKey()));
  const hosts = ['localhost', '127.0.0.1', '::1', 'fd00:1::a:b', '::ffff:10.0.0.1', '2001:db8:1:2:3:4:5:6'];
  const certificate = new X509Certificate(authority().issueApi(key, hosts).chain);
  t.is(certificate.checkHost('localhost'), 'localhost');
  for (const ip of hosts.slice(1)) t.is(certificate.checkIP(ip), ip);
  t.is(certificate.checkIP('127.0.0.2'), undefined);
  t.is(certificate.checkHost('elsewhere'), undefined);
});

test('serial numbers differ', t => {
  const ca = authority();
  const key = createPublicKey(createPrivateKey(makeKey()));
  const serials = Array.from({ length: 50 }, () => new X509Certificate(ca.issueWorkload(key, ID).chain).serialNumber);
  t.is(new Set(serials).size, 50);
});

test('a request says who holds the key; openssl reads it too', t => {
  const directory = scratch(t);
  const key = createPrivateKey(makeKey());
  const request = makeRequest(key, ID, 'a-nonce');
  const read = readRequest(request);
  t.is(read.uri, ID);
  t.is(read.challenge, 'a-nonce');
  t.true(read.publicKey.equals(createPublicKey(key)));
  writeFileSync(join(directory, 'request.pem'), toPem(request, 'CERTIFICATE REQUEST'));
  t.regex(openssl(directory, 'req', '-in', 'request.pem', '-noout', '-verify', '-text'), /a-nonce/);
});

test('a request that openssl made is read', t => {
  const directory = scratch(t);
  openssl(directory, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'key.pem');
  writeFileSync(
    join(directory, 'c.cnf'),
    '[req]\ndistinguished_name=dn\nattributes=at\nprompt=no\n[dn]\nCN=x\n[at]\nchallengePassword=secret-nonce\n',
  );
  openssl(
    directory,
    'req',
    '-new',
    '-config',
    'c.cnf',
    '-key',
    'key.pem',
    '-addext',
    `subjectAltName=URI:${ID}`,
    '-outform',
    'DER',
    '-out',
    'r.der',
  );
  const read = readRequest(readFileSync(join(directory, 'r.der')));
  t.is(read.uri, ID);
  t.is(read.challenge, 'secret-nonce');
});

const REFUSED: Record<string, { readonly args: string[]; readonly key: string[]; readonly why: RegExp }> = {
  'a DNS name beside the URI': { args: [`subjectAltName=URI:${ID},DNS:web`], key: ['prime256v1'], why: /exactly one/ },
  'two URIs': { args: [`subjectAltName=URI:${ID},URI:${ID}2`], key: ['prime256v1'], why: /exactly one/ },
  'no name': { args: ['basicConstraints=CA:TRUE'], key: ['prime256v1'], why: /exactly one/ },
  'another curve': { args: [`subjectAltName=URI:${ID}`], key: ['secp384r1'], why: /not ECDSA P-256/ },
};

for (const [name, { args, key, why }] of Object.entries(REFUSED))
  test(`a request is refused: ${name}`, t => {
    const directory = scratch(t);
    openssl(directory, 'ecparam', '-name', key[0]!, '-genkey', '-noout', '-out', 'key.pem');
    const extensions = args.flatMap(extension => ['-addext', extension]);
    openssl(
      directory,
      'req',
      '-new',
      '-subj',
      '/CN=x',
      '-key',
      'key.pem',
      ...extensions,
      '-outform',
      'DER',
      '-out',
      'r.der',
    );
    t.throws(() => readRequest(readFileSync(join(directory, 'r.der'))), { code: 'CSR_INVALID', message: why });
  });

test('a request whose bytes were changed is refused', t => {
  const request = makeRequest(createPrivateKey(makeKey()), ID, 'nonce');
  const forged = Buffer.from(request.toString('latin1').replace('/sa/web', '/sa/adm'), 'latin1');
  t.throws(() => readRequest(forged), { message: /signature/ });
  for (let at = 0; at < request.length; at += 1) {
    const bent = Buffer.from(request);
    bent[at] = bent[at]! ^ 0x55;
    t.throws(() => readRequest(bent), { code: 'CSR_INVALID' }, `byte ${at}`);
  }
  t.throws(() => readRequest(request.subarray(0, 100)), { code: 'CSR_INVALID' });
  t.throws(() => readRequest(Buffer.alloc(100_000)), { message: /at most/ });
});

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

test('an authority is given as PEM with an intermediate, or as PKCS#12', async t => {
  const directory = scratch(t);
  chainOf(directory);
  const text = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const bytes = readFileSync(join(directory, 'ca.p12'));
  const pem = authorityFromPem(text('middle.pem') + text('root.pem'), text('middle.key'));
  for (const given of [pem, await authorityFromPkcs12(bytes, 'geheim')]) {
    const ca = new Authority(given, { trustDomain: 'isthmus.mesh', now: Date.now });
    const issued = ca.issueWorkload(createPublicKey(createPrivateKey(makeKey())), ID);
    t.is(issued.chain.match(/BEGIN/g)?.length, 2);
    writeFileSync(join(directory, 'leaf.pem'), issued.chain);
    const verify = 'verify -x509_strict -CAfile root.pem -untrusted leaf.pem leaf.pem';
    t.regex(openssl(directory, ...verify.split(' ')), /OK/);
  }
  await t.throwsAsync(authorityFromPkcs12(bytes, 'wrong'), { message: /PKCS#12/ });
  t.throws(() => authorityFromPem(text('root.pem'), text('middle.key')), { message: /does not fit/ });
  t.throws(() => authorityFromPem(text('middle.pem'), text('middle.key')), { message: /self-signed/ });
});

for (const keyId of ['subjectKeyIdentifier=00112233445566778899AABBCCDDEEFF', ''])
  test(`an authority is given with another key identifier than we would make: ${keyId || 'none'}`, t => {
    const directory = scratch(t);
    const run = (line: string): string => openssl(directory, ...line.split(' '));
    writeFileSync(
      join(directory, 'ext'),
      `basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n${keyId}\n`,
    );
    run('ecparam -name prime256v1 -genkey -noout -out root.key');
    run('req -new -key root.key -subj /CN=root -out root.csr');
    run('x509 -req -in root.csr -signkey root.key -days 30 -extfile ext -out root.pem');
    const text = (name: string): string => readFileSync(join(directory, name), 'utf8');
    const given = authorityFromPem(text('root.pem'), text('root.key'));
    const ca = new Authority(given, { trustDomain: 'isthmus.mesh', now: Date.now });
    writeFileSync(
      join(directory, 'leaf.pem'),
      ca.issueWorkload(createPublicKey(createPrivateKey(makeKey())), ID).chain,
    );
    t.regex(run('verify -CAfile root.pem leaf.pem'), /OK/);
  });

test('a certificate says when it was issued, also where its authority is younger than certificates begin early', t => {
  const now = Date.now();
  const young = readRoot(makeRoot('isthmus.mesh', now + BACKDATE_MS - 1000));
  const ca = new Authority(young, { trustDomain: 'isthmus.mesh', now: () => now });
  const { chain } = ca.issueWorkload(createPublicKey(createPrivateKey(makeKey())), ID);
  t.true(Math.abs(issuedAt(new X509Certificate(chain).validFromDate.getTime()) - now) < 1000);
});

test('an RSA authority signs too', async t => {
  const directory = scratch(t);
  openssl(
    directory,
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'k.pem',
    '-subj',
    '/CN=rsa',
    '-days',
    '9',
    '-out',
    'root.pem',
  );
  openssl(directory, 'pkcs12', '-export', '-inkey', 'k.pem', '-in', 'root.pem', '-passout', 'pass:x', '-out', 'ca.p12');
  const given = await authorityFromPkcs12(readFileSync(join(directory, 'ca.p12')), 'x');
  const ca = new Authority(given, { trustDomain: 'isthmus.mesh', now: Date.now });
  writeFileSync(join(directory, 'leaf.pem'), ca.issueHost(createPublicKey(createPrivateKey(makeKey())), 'a').chain);
  t.regex(openssl(directory, 'verify', '-CAfile', 'root.pem', 'leaf.pem'), /OK/);
});

test('nothing outlives the authority, and an ended one signs nothing', t => {
  const start = Date.now();
  let now = start + 10 * 365 * 86_400_000 - 3_600_000;
  const ca = new Authority(readRoot(makeRoot('isthmus.mesh', start)), { trustDomain: 'isthmus.mesh', now: () => now });
  const key = createPublicKey(createPrivateKey(makeKey()));
  const { notAfter } = ca.issueWorkload(key, ID);
  t.true(notAfter.getTime() <= start + 10 * 365 * 86_400_000);
  now += 2 * 3_600_000;
  t.throws(() => ca.issueWorkload(key, ID), { code: 'CA_UNUSABLE' });
});
