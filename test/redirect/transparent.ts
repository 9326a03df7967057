import { eventually } from '../eventually.ts';
import type { Place } from '../hosts/host.ts';
import type { Running } from '../hosts/process.ts';

/** Reads one request and answers it as the echo server does; its name comes as the first argument. */
const ANSWER = `while read -r line && [ "\${#line}" -gt 1 ]; do :; done; printf 'HTTP/1.0 200 OK\\r\\n\\r\\n{"instance":"%s"}' "$NAME"`;

/**
 * Starts what stands for the proxy: an HTTP server that names itself and may take calls to addresses that are not its own (IP_TRANSPARENT,
 * which Node cannot ask for). Resolves when it listens, on IPv4 and IPv6.
 * @param uid user that it runs as, with CAP_NET_RAW.
 * @param does what socat does with a connection: `PIPE` echoes.
 */
export async function startTransparent(
  place: Place,
  name: string,
  port: number,
  uid: number,
  does: string = `SYSTEM:${JSON.stringify(ANSWER)}`,
): Promise<Running> {
  const user = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const caps = ['--inh-caps=-all,+net_raw', '--ambient-caps=-all,+net_raw'];
  const listen = `TCP6-LISTEN:${port},ipv6only=0,ip-transparent,reuseaddr,fork,backlog=128`;
  const argv = ['setpriv', ...user, ...caps, '--', 'socat', listen, does];
  const running = place.spawn(argv, { env: { NAME: name } });
  await eventually(
    `${name} listens`,
    () => place.run(['ss', '-Hltn', `sport = :${port}`]),
    sockets => sockets !== '',
  );
  return running;
}
