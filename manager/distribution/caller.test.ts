import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import test from 'ava';
import { Authority, LIFETIME } from '../../auth/ca/authority.ts';
import { makeKey, makeRoot, readRoot } from '../../auth/ca/root.ts';
import type { Member } from '../hosts/members.ts';
import { memberOf } from './caller.ts';

const ISSUED = Date.UTC(2026, 0, 1);
const DOMAIN = 'isthmus.mesh';

const authority = new Authority(readRoot(makeRoot(DOMAIN, ISSUED - 86_400_000)), {
  trustDomain: DOMAIN,
  now: () => ISSUED,
});
const publicKey = createPublicKey(createPrivateKey(makeKey()));
const der = (chain: string): Uint8Array => new X509Certificate(chain).raw;
const host = der(authority.issueHost(publicKey, 'a').chain);
const workload = der(authority.issueWorkload(publicKey, `spiffe://${DOMAIN}/ns/default/sa/web`).chain);

interface Case {
  readonly raw?: Uint8Array;
  readonly joinedAt?: number;
  readonly now?: number;
  readonly trustDomain?: string;
  readonly removed?: true;
}

function ask({ raw = host, joinedAt = ISSUED - 1, now = ISSUED, trustDomain = DOMAIN, removed }: Case): Member {
  const member: Member = { name: 'a', identities: ['*/*'], joinedAt, token: 't' };
  return memberOf({ raw }, trustDomain, { get: name => (name === 'a' && !removed ? member : undefined) }, now);
}

test('a host is known by its certificate, to its end', t => {
  t.is(ask({}).name, 'a');
  t.is(ask({ joinedAt: ISSUED + 999 }).name, 'a');
  t.is(ask({ now: ISSUED + LIFETIME.host - 1000 }).name, 'a');
});

const REFUSED: Record<string, readonly [Case, string]> = {
  'it ended while the connection lived': [{ now: ISSUED + LIFETIME.host }, 'certificate-expired'],
  'the host was removed': [{ removed: true }, 'host-unknown'],
  'the host joined anew since': [{ joinedAt: ISSUED + 1000 }, 'host-unknown'],
  'it is that of a workload': [{ raw: workload }, 'no-certificate'],
  'it is of another trust domain': [{ trustDomain: 'else.mesh' }, 'no-certificate'],
};

for (const [name, [given, code]] of Object.entries(REFUSED))
  test(`a certificate is refused: ${name}`, t => {
    t.throws(() => ask(given), { code });
  });

test('who shows a certificate that ended, or none that is good, reads how to mend it, and the same at each try', t => {
  const anew =
    /the Manager( has)?: see that the clocks of both agree \(date\); where they do, to join it anew: isthmus token create --host (a|<host>) /;
  const [ended, later] = [0, 5_000].map(ms => t.throws(() => ask({ now: ISSUED + LIFETIME.host + ms })).message);
  t.regex(ended!, anew);
  t.is(ended, later!);
  t.regex(t.throws(() => memberOf({ raw: undefined }, DOMAIN, { get: () => undefined }, ISSUED)).message, anew);
});

test('who shows a certificate from before its host joined anew reads what to do on this machine, and on another', t => {
  const { message } = t.throws(() => ask({ joinedAt: ISSUED + 1000 }));
  t.regex(
    message,
    /joined anew: if this machine did, start its agent again; if not, .* to join it anew: isthmus token /,
  );
});
