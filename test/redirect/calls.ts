import type { CapturedUser } from '../../agent/redirect/spec.ts';
import type { Place } from '../hosts/host.ts';

/** Two workloads, and a user that is none. */
export const WEB: CapturedUser = { uid: 2001, listenerPort: 20_001, ports: [8080], addresses: [] };
export const SHOP: CapturedUser = { uid: 2002, listenerPort: 20_002, ports: [9080], addresses: [] };
export const STRANGER = 2009;
/** A virtual IP of each family. */
export const VIP4 = '240.240.0.7';
export const VIP6 = '[fd69:7374:686d::7]';

/** Which program answered; how curl failed when none did (7: refused at once). */
export async function call(from: Place, uid: number, address: string, flags: readonly string[] = []): Promise<string> {
  const exit = await from.exec(['curl', '-sS', '--max-time', '3', ...flags, `http://${address}/`], { uid });
  return exit.code === 0 ? (JSON.parse(exit.stdout) as { instance: string }).instance : `curl ${exit.code}`;
}
