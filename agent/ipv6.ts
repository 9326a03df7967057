import { readFile } from 'node:fs/promises';

/** Whether programs of this host can listen on ::1. */
export async function hasIpv6(): Promise<boolean> {
  const addresses = await readFile('/proc/net/if_inet6', 'utf8').catch(() => '');
  return addresses.includes(`${'0'.repeat(31)}1 `);
}
