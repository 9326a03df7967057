import { createPrivateKey, createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Compiler } from '../../agent/compile/compile.ts';
import {
  authorizationPolicy,
  direct,
  host,
  input,
  policyOf,
  port,
  service,
  workload,
} from '../../agent/compile/fixtures.ts';
import type { HostInput, WorkloadInput } from '../../agent/compile/input.ts';
import { makeKey } from '../../auth/ca/root.ts';
import type { Host } from '../../manager/model/workload.ts';
import { sniOf } from '../../manager/model/workload.ts';
import { freePort } from '../ports.ts';
import { authority, certificate } from './authority.ts';
import { type Serving, type Stage, soon, stage } from './fixture.ts';
import type { Knocking } from './knock.ts';

const DOMAIN = 'isthmus.mesh';
const TARGETS = ['reviews', 'ledger', 'open', 'bait', 'hidden'] as const;
export type TargetName = (typeof TARGETS)[number];

/** A SPIFFE ID. */
export const id = (name: string, domain: string = DOMAIN): string => `spiffe://${domain}/ns/default/sa/${name}`;
export const sni = (name: string): string => sniOf({ uid: `a/default/${name}`, name, namespace: 'default' });

/** A program that says its name to whoever reaches it, and counts connections and what comes over them. */
class Target implements AsyncDisposable {
  readonly #server = createServer();
  readonly #open = new Set<Socket>();
  reached = 0;

  static async start(name: string): Promise<Target> {
    const target = new Target();
    target.#server.on('connection', socket => {
      target.reached += 1;
      target.#open.add(socket);
      const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\n\r\n${name}`;
      socket
        .on('error', () => undefined)
        .on('data', () => {
          target.reached += 1;
          socket.write(answer);
        });
    });
    target.#server.listen(0, '127.0.0.1');
    await once(target.#server, 'listening');
    return target;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise(done => this.#server.close(done));
  }
}

type Targets = Readonly<Record<TargetName, Target>>;

/** Keys and certificates by who shows them. */
type Papers = Readonly<Record<string, Pick<Knocking, 'cert' | 'key'>>>;

/**
 * A host whose workloads `reviews` (HTTP) and `ledger` (TCP) are for `web` alone, and `open` (TCP) for whoever is of the mesh. Its workload
 * `web` calls the services `bait`, at the address of its own listener as nothing is redirected here, and `hidden`.
 */
export interface HostileWorld extends AsyncDisposable {
  readonly on: Stage;
  readonly serving: Serving;
  readonly targets: Targets;
  readonly ports: { readonly tunnel: number; readonly inbound: number; readonly outbound: number };
  readonly papers: Papers;
}

export async function hostileWorld(): Promise<HostileWorld> {
  const on = await stage();
  const [tunnel, inbound, outbound] = await Promise.all([freePort(), freePort(), freePort()]);
  const started = TARGETS.map(async name => [name, await Target.start(name)] as const);
  const targets = Object.fromEntries(await Promise.all(started)) as Targets;
  const ca = authority(DOMAIN);
  const own = [...TARGETS, 'web', 'other'].map(name => certificate(ca, id(name)));
  const ports = { tunnel, inbound, outbound };
  const made = await inputOf(targets, { ...host('a', '127.0.0.1', tunnel), name: 'a' }, outbound);
  const settings = { ...made.settings, inboundPort: inbound, ipv6: false, admittedLog: on.paths.admitted };
  const { resources } = new Compiler().compile({ ...made, settings });
  const serving = await on.serve(resources, { secrets: { certificates: own, roots: ca.root } });
  const rejected = await serving.ads.applied(soon());
  if (rejected.length > 0) throw new Error(JSON.stringify(rejected));
  const [key, foreign, forged] = [makeKey(), authority('elsewhere.mesh'), authority(DOMAIN)];
  const publicKey = createPublicKey(createPrivateKey(key));
  const shown = {
    ...Object.fromEntries(own.map(each => [each.identity.split('/').at(-1)!, each])),
    foreign: certificate(foreign, id('web', 'elsewhere.mesh')),
    forged: certificate(forged, id('web')),
    host: { chain: ca.issueHost(publicKey, 'b').chain, key },
    manager: { chain: ca.issueManager(publicKey).chain, key },
  };
  const papers = Object.entries(shown).map(([who, { chain, key }]) => [who, { cert: chain, key }] as const);
  return {
    on,
    serving,
    targets,
    ports,
    papers: { ...Object.fromEntries(papers), nobody: {} },
    async [Symbol.asyncDispose]() {
      await on[Symbol.asyncDispose]();
      for (const target of Object.values(targets)) await target[Symbol.asyncDispose]();
    },
  };
}

async function inputOf(targets: Targets, here: Host, outbound: number): Promise<HostInput> {
  const called = async (name: 'reviews' | 'ledger' | 'open'): Promise<WorkloadInput> => {
    const policy = policyOf(`a/default/${name}`, name === 'open' ? [] : [authorizationPolicy('ALLOW', 'web')]);
    const own = port(targets[name].port, name === 'reviews' ? 'http' : 'tcp');
    return { ...workload(here, name, [own], { policy }), outboundPort: await freePort() };
  };
  const to = (name: 'bait' | 'hidden', address: string): ReturnType<typeof service> => {
    const instance = direct(name, '127.0.0.1', { http: targets[name].port });
    const made = service(name, 9, [{ number: outbound, name: 'http', protocol: 'http' }], [instance]);
    return { ...made, view: { ...made.view, service: { ...made.view.service, virtualIps: [address] } } };
  };
  const workloads = await Promise.all([called('reviews'), called('ledger'), called('open')]);
  const web = { ...workload(here, 'web'), outboundPort: outbound };
  return input(here, [...workloads, web], [to('bait', '127.0.0.1'), to('hidden', '240.240.0.9')]);
}
