import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../../packaging/paths.ts';

/** The newest Consul whose Go modules all verify. */
const VERSION = '1.19.2';
const SCRIPT = new URL('consul.sh', import.meta.url).pathname;

/** The path of Consul's executable in the cache; undefined when it is not there. */
export async function cachedConsul(cache: string = cacheFolder()): Promise<string | undefined> {
  const binary = binaryIn(cache);
  return await access(binary).then(
    () => binary,
    () => undefined,
  );
}

function binaryIn(cache: string): string {
  return join(cache, 'test', `consul-${VERSION}`, 'consul');
}

/** The path of Consul's executable, built into the cache first when it is not there, which takes minutes. @throws when that fails. */
export async function ensureConsul(cache: string = cacheFolder()): Promise<string> {
  const found = await cachedConsul(cache);
  if (found !== undefined) return found;
  const binary = binaryIn(cache);
  const child = spawn('sh', [SCRIPT, VERSION, binary], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`Cannot build Consul ${VERSION}: see above`);
  return binary;
}

if (import.meta.main) process.stdout.write(`${await ensureConsul()}\n`);
