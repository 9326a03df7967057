import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Container, type Host, type Place, placeOf, writeResolvers } from './host.ts';
import { guard, newId, sweep } from './owner.ts';

/** Hosts on one switch, reachable from nowhere else. Disposing kills what runs in them and removes everything. */
export interface Network extends AsyncDisposable {
  readonly id: string;
  /** Adds a host: 10.77.0.1, 10.77.0.2, … in the order of calls. Its resolv.conf names no server until told. */
  host(name: string): Promise<Host>;
}

export interface NetworkOptions {
  /** Lower-case letters and digits; names the test in the names of namespaces. */
  readonly prefix: string;
  /** Hosts and containers have no IPv4 but loopback's; `address` is then that of IPv6. */
  readonly ipv6Only?: boolean;
}

/**
 * Makes a network. Each network has a switch in a namespace of its own, so many of them live side by side with the same
 * addresses. All of it goes away with this process, also after kill -9; what a dead process left is removed first.
 * @throws when not root.
 */
export async function createNetwork(options: NetworkOptions): Promise<Network> {
  if (process.getuid?.() !== 0) throw new Error('Hosts made of network namespaces need root: run the tests as root');
  if (!/^[a-z0-9]{1,16}$/.test(options.prefix))
    throw new Error(`prefix must be letters and digits, not ${options.prefix}`);
  await sweep();
  const id = newId(options.prefix);
  const watchdog = guard(id);
  try {
    await shell(`
      ip netns add ${id}.switch
      ip netns exec ${id}.switch sh -c '${forwarding(0)}'
      ip -n ${id}.switch link set lo up
      ip -n ${id}.switch link add br0 type bridge forward_delay 0
      ip -n ${id}.switch addr add 10.77.0.254/24 dev br0
      ip -n ${id}.switch addr add fd77::fe/64 dev br0 nodad
      ip -n ${id}.switch link set br0 up`);
  } catch (error) {
    await watchdog.release();
    throw error;
  }
  let hosts = 0;
  return {
    id,
    async host(name) {
      hosts += 1;
      return addHost(id, checked(name), hosts, options.ipv6Only === true);
    },
    [Symbol.asyncDispose]: () => watchdog.release(),
  };
}

/** Without sysctl, which a small Debian lacks. */
function forwarding(value: 0 | 1): string {
  return ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']
    .map(name => `echo ${value} >/proc/sys/net/${name}`)
    .join(' && ');
}

async function addHost(id: string, name: string, number: number, ipv6Only: boolean): Promise<Host> {
  const namespace = `${id}.${name}`;
  const address6 = `fd77::${number.toString(16)}`;
  const place = placeOf(name, namespace, ipv6Only ? address6 : `10.77.0.${number}`, address6);
  const folder = `/tmp/${id}/${name}`;
  const dirs = { configDir: `${folder}/etc`, stateDir: `${folder}/lib`, runDir: `${folder}/run` };
  await writeResolvers(namespace, []);
  for (const dir of Object.values(dirs)) await mkdir(dir, { recursive: true });
  await shell(`
    ip netns add ${namespace}
    ip link add eth0 netns ${namespace} type veth peer name host${number} netns ${id}.switch
    ip -n ${id}.switch link set host${number} master br0 up
    ip netns exec ${namespace} sh -c '${forwarding(1)}'
    ip -n ${namespace} link set lo up
    ${ipv6Only ? '' : `ip -n ${namespace} addr add ${place.address}/24 dev eth0`}
    ip -n ${namespace} addr add ${place.address6}/64 dev eth0 nodad
    ip -n ${namespace} link set eth0 up
    ${ipv6Only ? '' : `ip -n ${namespace} route add default via 10.77.0.254`}
    ip -n ${namespace} -6 route add default via fd77::fe`);
  let containers = 0;
  return {
    ...place,
    folder,
    ...dirs,
    async container(container) {
      containers += 1;
      return addContainer({ host: namespace, number: containers, ipv6Only }, checked(container));
    },
  };
}

/** As container engines do it: others see the host's address. */
const MASQUERADE = `
table inet containers {
  chain leave {
    type nat hook postrouting priority srcnat
    ip saddr 172.30.0.0/16 oifname eth0 masquerade
    ip6 saddr fd30::/16 oifname eth0 masquerade
  }
}`;

interface Link {
  /** Namespace of the host. */
  readonly host: string;
  /** Of the container on its host. */
  readonly number: number;
  readonly ipv6Only: boolean;
}

async function addContainer(link: Link, name: string): Promise<Container> {
  const { host, number, ipv6Only } = link;
  const namespace = `${host}.${name}`;
  const address6 = `fd30:${number}::2`;
  const place = placeOf(name, namespace, ipv6Only ? address6 : `172.30.${number}.2`, address6);
  await writeResolvers(namespace, []);
  if (number === 1) await shell(`echo '${MASQUERADE}' | ip netns exec ${host} /usr/sbin/nft -f -`);
  const make = (): Promise<void> => makeContainer(link, place);
  await make();
  return {
    ...place,
    async stop() {
      // As engines do it: programs end first, and the link is removed, not left to end with whoever still holds the namespace.
      await shell(`
        ip netns pids ${namespace} | xargs -r kill -9
        ip -n ${host} link del c${number}
        ip netns del ${namespace}`);
    },
    start: make,
  };
}

async function makeContainer({ host, number, ipv6Only }: Link, place: Place): Promise<void> {
  const { namespace } = place;
  await shell(`
    ip netns add ${namespace}
    ip link add eth0 netns ${namespace} type veth peer name c${number} netns ${host}
    ${ipv6Only ? '' : `ip -n ${host} addr add 172.30.${number}.1/24 dev c${number}`}
    ip -n ${host} addr add fd30:${number}::1/64 dev c${number} nodad
    ip -n ${host} link set c${number} up
    ip -n ${namespace} link set lo up
    ${ipv6Only ? '' : `ip -n ${namespace} addr add ${place.address}/24 dev eth0`}
    ip -n ${namespace} addr add ${place.address6}/64 dev eth0 nodad
    ip -n ${namespace} link set eth0 up
    ${ipv6Only ? '' : `ip -n ${namespace} route add default via 172.30.${number}.1`}
    ip -n ${namespace} -6 route add default via fd30:${number}::1`);
}

function checked(name: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name) && name !== 'switch') return name;
  throw new Error(`The name of a host must be a DNS label of at most 32 characters, not "${name}"`);
}

async function shell(script: string): Promise<void> {
  await promisify(execFile)('sh', ['-ec', script]);
}
