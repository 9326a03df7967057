import { readFile } from 'node:fs/promises';

/** Bits of the sets in /proc/pid/status; capabilities(7), linux/capability.h. */
const BITS = { setpcap: 8n, net_admin: 12n, net_raw: 13n, sys_admin: 21n } as const;

export type Capability = keyof typeof BITS;

/**
 * The capabilities of a process, of those that matter here; none when it is gone.
 * @param set `CapEff`, what it may do now, or `CapAmb`, what programs that it starts may do.
 */
export async function capabilitiesOf(
  pid: number | 'self',
  set: 'CapEff' | 'CapAmb' = 'CapEff',
): Promise<ReadonlySet<Capability>> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  const [, digits = '0'] = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(status) ?? [];
  const bits = BigInt(`0x${digits}`);
  return new Set(Object.entries(BITS).flatMap(([name, bit]) => ((bits >> bit) & 1n ? [name as Capability] : [])));
}

/**
 * What lets an Envoy that this process starts take calls to addresses that are not its host's (IP_TRANSPARENT, ip(7)): the least of the two
 * that do. Undefined when this process cannot give either; it cannot capture either then.
 */
export async function transparency(): Promise<Capability | undefined> {
  const given = await capabilitiesOf('self', process.getuid?.() === 0 ? 'CapEff' : 'CapAmb');
  return (['net_raw', 'net_admin'] as const).find(capability => given.has(capability));
}
