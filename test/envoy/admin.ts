import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { EnvoyPaths } from '../../agent/envoy/paths.ts';

/** Memory of Envoy's allocator, bytes. */
export async function memoryOf(paths: EnvoyPaths): Promise<{ readonly allocated: number; readonly heap: number }> {
  const found = (await ask(paths, '/memory')) as Readonly<Record<string, string>>;
  return { allocated: Number(found['allocated']), heap: Number(found['heap_size']) };
}

/** Serial numbers of the leaf certificates that Envoy holds, its own ones, in order. */
export async function serialsOf(paths: EnvoyPaths): Promise<string[]> {
  const { certificates = [] } = (await ask(paths, '/certs')) as {
    readonly certificates?: readonly { readonly cert_chain?: readonly { readonly serial_number: string }[] }[];
  };
  return certificates.flatMap(({ cert_chain: chain = [] }) => chain[0]?.serial_number ?? []).sort();
}

/** What Envoy's admin interface answers, for what no agent asks it. */
async function ask({ admin }: EnvoyPaths, path: string): Promise<unknown> {
  const call = request({ socketPath: admin, path, agent: false, signal: AbortSignal.timeout(20_000) }).end();
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  return await json(answer);
}
