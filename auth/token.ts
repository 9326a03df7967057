import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What the text of a join token says: `isthmus1.<id>.<secret>.<fingerprint>`. */
export interface JoinToken {
  /** Names the token; no secret. */
  readonly id: string;
  readonly secret: string;
  /** SHA-256 of the mesh's root certificate, hex: whoever joins knows the Manager by it. */
  readonly fingerprint: string;
}

const FORM = /^isthmus1\.([a-z0-9]{10})\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64})$/;

/** A new token under a root's fingerprint. */
export function makeToken(fingerprint: string): JoinToken {
  // Ten letters of 32: 50 bits, to name it; 256 bits, to guess it.
  const id = Array.from(randomBytes(10), byte => 'abcdefghijklmnopqrstuvwxyz234567'[byte & 31]).join('');
  return { id, secret: randomBytes(32).toString('base64url'), fingerprint };
}

/** A join token as a person passes it on; `parseToken` reads it. */
export function formatToken(token: JoinToken): string {
  return `isthmus1.${token.id}.${token.secret}.${token.fingerprint}`;
}

/** Reads a token's text, with white space around it or not; undefined when it is none. */
export function parseToken(text: string): JoinToken | undefined {
  const [, id, secret, fingerprint] = FORM.exec(text.trim()) ?? [];
  return id && secret && fingerprint ? { id, secret, fingerprint } : undefined;
}

/** What is stored of a secret. It has 256 random bits, so a plain hash cannot be searched. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Whether a secret is the one that was hashed; takes as long for any. */
export function secretFits(secret: string, hash: string): boolean {
  const [a, b] = [Buffer.from(hashSecret(secret)), Buffer.from(hash)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** For messages: the command that makes a token. @param host the only one that is to use it. */
export function tokenCommand(host?: string): string {
  return `isthmus token create${host === undefined ? '' : ` --host ${host}`} --identity 'default/*'`;
}
