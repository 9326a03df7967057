import { createPrivateKey, createPublicKey, sign, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Authority, BACKDATE_MS, issuedAt, LIFETIME } from './authority.ts';
import { toPem } from './certificate.ts';
import { makeRequest, readRequest } from './csr.ts';
import * as der from './der.ts';
import { openssl, scratch } from './fixture.ts';
import { authorityFromPem } from './given.ts';
import { spiffeIdOf } from './peer.ts';
import { fingerprintOf, makeKey, makeRoot, readRoot } from './root.ts';

const ID = 'spiffe://isthmus.mesh/ns/default/sa/web';

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
  t.regex(root, /X509v3 Basic Constraints: critical\s+CA:TRUE\n/);
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

test('serial numbers differ, are positive and of one length', t => {
  const ca = authority();
  const key = createPublicKey(createPrivateKey(makeKey()));
  const serials = Array.from({ length: 50 }, () => new X509Certificate(ca.issueWorkload(key, ID).chain).serialNumber);
  t.is(new Set(serials).size, 50);
  for (const serial of serials) t.regex(serial, /^[0-7][0-9A-F]{31}$/);
});

test('a certificate holds for clocks that are behind, but not for longer than its authority; a long name is cut', t => {
  const start = Date.now();
  const ca = authority();
  const key = createPublicKey(createPrivateKey(makeKey()));
  const begins = (now: number): number => {
    const later = new Authority(readRoot(makeRoot('isthmus.mesh', start)), {
      trustDomain: 'isthmus.mesh',
      now: () => now,
    });
    return new X509Certificate(later.issueWorkload(key, ID).chain).validFromDate.getTime();
  };
  const day = 86_400_000;
  t.true(Math.abs(begins(start + day) - (start + day - 5 * 60_000)) < 1000);
  t.true(begins(start) >= new X509Certificate(ca.root).validFromDate.getTime() - 1000);
  const long = new X509Certificate(ca.issueWorkload(key, `${ID}${'x'.repeat(100)}`).chain);
  t.is(/CN=(.*)$/.exec(long.subject)?.[1]?.length, 64);
  t.is(spiffeIdOf(long), `${ID}${'x'.repeat(100)}`);
});

test('an authority that was given is trusted beside the one before it', t => {
  const [former, now] = [makeRoot('isthmus.mesh', Date.now()), makeRoot('isthmus.mesh', Date.now())];
  const options = { trustDomain: 'isthmus.mesh', now: Date.now };
  const ca = new Authority(readRoot(now), { ...options, formerRoots: [former.certificate, now.certificate] });
  t.deepEqual(ca.roots, [former.certificate, now.certificate]);
  t.is(ca.root, now.certificate);
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
  const sections = ['[req]', 'distinguished_name=dn', 'attributes=at', 'prompt=no', '[dn]', 'CN=x', '[at]'];
  writeFileSync(join(directory, 'c.cnf'), [...sections, 'challengePassword=secret-nonce', ''].join('\n'));
  const flags = '-new -config c.cnf -key key.pem -outform DER -out r.der -addext'.split(' ');
  openssl(directory, 'req', ...flags, `subjectAltName=URI:${ID}`);
  const read = readRequest(readFileSync(join(directory, 'r.der')));
  t.is(read.uri, ID);
  t.is(read.challenge, 'secret-nonce');
});

test('a request with two nonces is refused', t => {
  const key = createPrivateKey(makeKey());
  const [info, algorithm] = der.children(der.decode(makeRequest(key, ID, 'nonce')));
  const attributes = der.children(der.children(info)[3]);
  attributes.push(attributes.at(-1)!);
  const signature = der.bitString(sign('sha256', der.encode(info!), key));
  const request = der.encode(der.sequence(info!, algorithm!, signature));
  t.throws(() => readRequest(request), { code: 'CSR_INVALID', message: /more than one challengePassword/ });
});

const REFUSED: Record<string, { readonly args: string[]; readonly key: string[]; readonly why: RegExp }> = {
  'a DNS name beside the URI': { args: [`subjectAltName=URI:${ID},DNS:web`], key: ['prime256v1'], why: /exactly one/ },
  'a DNS name': { args: ['subjectAltName=DNS:web'], key: ['prime256v1'], why: /exactly one/ },
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

test('a root that ends after 2049 says so with four digits', t => {
  const { certificate } = makeRoot('isthmus.mesh', Date.UTC(2045, 6));
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  t.deepEqual([validFromDate.getUTCFullYear(), validToDate.getUTCFullYear()], [2045, 2055]);
});
