// writer.ts <consul host:port> <zookeeper host:port>: moves instances. Reads {"registry", "service", "address", "port"} as JSON lines;
// prints when the registry had acknowledged it (CLOCK_MONOTONIC, ns).
import { createInterface } from 'node:readline';
import { ZooKeeperClient } from '../../../registries/zookeeper/client.ts';
import type { Move } from './registries.ts';

const LIMIT_MS = 10_000;
const [consul = '', zookeeper = ''] = process.argv.slice(2);
const [host = '', port = ''] = zookeeper.split(':');
const options = { host, port: Number(port), sessionTimeoutMs: 10_000, connectTimeoutMs: LIMIT_MS };
const client = await ZooKeeperClient.connect(options, AbortSignal.timeout(LIMIT_MS));

for await (const line of createInterface(process.stdin)) {
  const move = JSON.parse(line) as Move & { registry: string };
  await (move.registry === 'consul' ? inConsul(move) : inZooKeeper(move));
  console.log(String(process.hrtime.bigint()));
}
client.close();

async function inConsul({ service, address, port }: Move): Promise<void> {
  const body = JSON.stringify({ ID: service, Name: service, Address: address, Port: port });
  const request = { method: 'PUT', body, signal: AbortSignal.timeout(LIMIT_MS) };
  const response = await fetch(`http://${consul}/v1/agent/service/register`, request);
  if (!response.ok) throw new Error(`Consul answered ${response.status}: ${await response.text()}`);
}

/** A member of a ServerSet. */
async function inZooKeeper({ service, address, port }: Move): Promise<void> {
  const path = `/discovery/${service}/member_0000000001`;
  const serviceEndpoint = { host: address, port };
  const member = { serviceEndpoint, additionalEndpoints: { http: serviceEndpoint }, status: 'ALIVE' };
  const data = Buffer.from(JSON.stringify(member));
  if (await client.exists(path)) return client.set(path, data);
  for (const parent of ['/discovery', `/discovery/${service}`])
    if (!(await client.exists(parent))) await client.create(parent, Buffer.alloc(0));
  await client.create(path, data);
}
