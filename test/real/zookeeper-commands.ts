// zookeeper-commands.ts <host:port>: reads commands as JSON lines, does them one by one, answers `done` or why not.
import { createInterface } from 'node:readline';
import { messageOf } from '../../manager/model/util/errors.ts';
import { ZooKeeperClient, ZooKeeperError } from '../../registries/zookeeper/client.ts';
import type { ShellCommand } from './zookeeper-shell.ts';

const NODE_EXISTS = -110;
const [host, port] = process.argv[2]!.split(':') as [string, string];

let client: ZooKeeperClient | undefined;
for await (const line of createInterface(process.stdin)) {
  const command = JSON.parse(line) as ShellCommand;
  try {
    // A server that was killed since the last command takes a new connection.
    if (!client || client.lost.aborted) client = await connect();
    if (command.op === 'put') await put(client, command.path, Buffer.from(command.data));
    else await remove(client, command.path);
    console.log('done');
  } catch (error) {
    console.log(messageOf(error).replaceAll('\n', ' '));
  }
}
client?.close();

function connect(): Promise<ZooKeeperClient> {
  const options = { host, port: Number(port), sessionTimeoutMs: 10_000, connectTimeoutMs: 10_000 };
  return ZooKeeperClient.connect(options, AbortSignal.timeout(10_000));
}

async function put(zk: ZooKeeperClient, path: string, data: Buffer): Promise<void> {
  if (await zk.exists(path)) return zk.set(path, data);
  const steps = path.split('/').slice(1);
  for (let depth = 1; depth <= steps.length; depth += 1) {
    const own = depth === steps.length ? data : Buffer.alloc(0);
    await zk.create(`/${steps.slice(0, depth).join('/')}`, own).catch((error: unknown) => {
      if (!(error instanceof ZooKeeperError) || error.code !== NODE_EXISTS) throw error;
    });
  }
}

async function remove(zk: ZooKeeperClient, path: string): Promise<void> {
  const children = await zk.children(path);
  if (!children) return;
  for (const child of children) await remove(zk, `${path}/${child}`);
  await zk.remove(path);
}
