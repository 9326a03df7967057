import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { ApiError } from './status.ts';

/** The administrator's token; made, and written for its owner alone, when there is none. @throws when the file is not to be had. */
export function adminToken(file: string): string {
  if (existsSync(file)) {
    chmodSync(file, 0o600);
    const token = readFileSync(file, 'utf8').trim();
    if (token.length < 32)
      throw new Error(
        `The admin token in ${file} has ${token.length} characters; remove the file, and a new one is made`,
      );
    return token;
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const token = randomBytes(32).toString('base64url');
  writeFileSync(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
  return token;
}

/** Lets a request pass that bears the token. @throws {ApiError} 401 */
export function requireToken(message: IncomingMessage, token: string): void {
  const [, given] = /^Bearer\s+(\S+)$/i.exec(message.headers.authorization ?? '') ?? [];
  // Hashes have one length, so that the comparison takes one time.
  if (given !== undefined && timingSafeEqual(sha256(given), sha256(token))) return;
  throw new ApiError(
    401,
    'This needs the admin token as "Authorization: Bearer"; as root on the host of the Manager, its socket needs none',
  );
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
