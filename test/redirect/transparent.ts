import type { Place } from '../hosts/host.ts';
import type { Running } from '../hosts/process.ts';
import { portTaken } from '../hosts/sockets.ts';

/** Reads one request and answers it as the echo server does; its name is in the environment. */
const ANSWER = `while read -r line && [ "\${#line}" -gt 1 ]; do :; done; printf 'HTTP/1.0 200 OK\\r\\n\\r\\n{"instance":"%s"}' "$NAME"`;

/**
 * Starts what stands for the proxy: an HTTP server that names itself and may take calls to addresses that are not its own (IP_TRANSPARENT,
 * which Node cannot ask for). Resolves when it listens, on IPv4 and IPv6.
 * @param uid user that it runs as.
 * @param does what socat does with a connection: `PIPE` echoes.
 */
export async function startTransparent(
  place: Place,
  name: string,
  port: number,
  uid: number,
  does: string = `SYSTEM:${JSON.stringify(ANSWER)}`,
): Promise<Running> {
  const listen = `TCP6-LISTEN:${port},ipv6only=0,ip-transparent,reuseaddr,fork,backlog=128`;
  const running = place.spawn(['socat', listen, does], { uid, transparent: true, env: { NAME: name } });
  await portTaken(place, port);
  return running;
}
