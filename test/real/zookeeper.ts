import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { makeFolder } from '../folders.ts';
import { freePorts } from '../ports.ts';
import { type Place, runIn } from './place.ts';
import { type RealServer, startServer } from './server.ts';
import { ZooKeeperShell } from './zookeeper-shell.ts';

/** Debian's package `zookeeper` brings it; its manifest names the other jars it needs. */
const JAR = '/usr/share/java/zookeeper.jar';
/** Comes with the jar's dependencies and puts the log onto stderr. */
const LOG_JAR = '/usr/share/java/slf4j-simple.jar';

const LOOPBACK = '127.0.0.1';

const JAVA: readonly string[] = [
  'java',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-cp',
  `${JAR}:${LOG_JAR}`,
  '-Dzookeeper.jmx.log4j.disable=true',
  '-Dzookeeper.admin.enableServer=false',
  '-Djute.maxbuffer=8388608',
  'org.apache.zookeeper.server.ZooKeeperServerMain',
];

export interface ZooKeeperOptions extends Place {
  /** Client port; a free one when absent. Inside a namespace of its own, 2181. */
  readonly port?: number;
  /** The server's clock, milliseconds: sessions last 2 to 20 ticks. 200 when absent, so that a session can be as short as 400 ms. */
  readonly tickMs?: number;
}

/** A real ZooKeeper: one server, data on disk. */
export interface RealZooKeeper extends RealServer {
  /** `127.0.0.1:2181`. Inside a namespace of its own it answers at the addresses of that too, unless told where. */
  readonly address: string;
  readonly port: number;
  /** Creates a persistent znode with its parents, or sets its data. */
  put(path: string, data: string): Promise<void>;
  /** Deletes a znode and all below it; fine when it is not there. */
  remove(path: string): Promise<void>;
  /** What a four-letter word such as `mntr` or `wchs` answers. */
  word(word: string): Promise<string>;
}

/** Starts ZooKeeper and waits until it serves. */
export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<RealZooKeeper> {
  if (!existsSync(JAR)) throw new Error(`Cannot start ZooKeeper: ${JAR} is missing; run: apt-get install zookeeper`);
  const folder = makeFolder('zookeeper');
  const host = options.address ?? LOOPBACK;
  const port = options.port ?? (options.argvPrefix ? 2181 : (await freePorts(1))[0]!);
  await mkdir(`${folder}/data`);
  await writeFile(`${folder}/zoo.cfg`, configOf(folder, { ...options, port }));
  const word = (name: string): Promise<string> =>
    runIn(options, ['curl', '-s', '--max-time', '5', `telnet://${host}:${port}`], name);
  const real = await startServer({
    folder,
    argv: [...(options.argvPrefix ?? []), ...JAVA, `${folder}/zoo.cfg`],
    readyTimeoutMs: 30_000,
    async ready() {
      if (!(await word('srvr')).includes('Mode: standalone')) throw new Error('it does not serve yet');
    },
  });
  const address = `${host}:${port}`;
  const shell = new ZooKeeperShell(options, address);
  const stop = real[Symbol.asyncDispose].bind(real);
  return Object.assign(real, {
    address,
    port,
    put: (path: string, data: string) => shell.ask({ op: 'put', path, data }),
    remove: (path: string) => shell.ask({ op: 'remove', path }),
    word,
    [Symbol.asyncDispose]: async () => {
      await shell.end();
      await stop();
    },
  });
}

function configOf(folder: string, { address, argvPrefix, port, tickMs = 200 }: ZooKeeperOptions): string {
  const host = address ?? (argvPrefix ? undefined : LOOPBACK);
  return [
    `dataDir=${folder}/data`,
    ...(host === undefined ? [] : [`clientPortAddress=${host}`]),
    `clientPort=${port}`,
    `tickTime=${tickMs}`,
    'initLimit=10',
    'syncLimit=5',
    'maxClientCnxns=0',
    '4lw.commands.whitelist=*',
    // Tests write thousands of znodes and care for no power cut.
    'forceSync=no',
    '',
  ].join('\n');
}
