import type { ServiceReport } from '../../manager/api/inspect.ts';
import { eventually } from '../eventually.ts';
import { startBanner, startEcho } from '../hosts/apps.ts';
import type { Host } from '../hosts/host.ts';
import type { RealConsul } from '../real/consul.ts';
import { startConsul } from '../real/consul.ts';
import { type RealZooKeeper, startZooKeeper } from '../real/zookeeper.ts';
import { Mesh, type MeshHost, type WorkloadFile } from './mesh.ts';

/** Users of the programs; they need no passwd entry. */
export const UID = {
  web: 2001,
  other: 2002,
  first: 2003,
  second: 2004,
  ledger: 2005,
  third: 2006,
  plain: 2007,
} as const;

/** Where callers find the service; no instance listens on that port. */
export const REVIEWS = 'http://reviews:9080/';

function caller(name: string, uid: number): WorkloadFile {
  return { name, selector: { user: uid }, labels: { app: name } };
}

/** An instance of `reviews`. */
export function server(name: string, uid: number, port: number, version: string): WorkloadFile {
  return {
    name,
    serviceAccount: 'reviews',
    selector: { user: uid },
    ports: [{ name: 'http', port, protocol: 'http' }],
    labels: { app: 'reviews', version },
  };
}

/**
 * The service `reviews` on two hosts, in two registries: `r1`, `r2` on alpha stand in a real Consul, `r3`, `r4` on beta in a real ZooKeeper.
 * On alpha run two callers, `web` and `other`; on beta `ledger`, a TCP server that speaks first.
 */
export class Cast implements AsyncDisposable {
  readonly mesh: Mesh;
  readonly consul: RealConsul;
  readonly zookeeper: RealZooKeeper;
  readonly alpha: MeshHost;
  readonly beta: MeshHost;

  private constructor(
    mesh: Mesh,
    servers: { consul: RealConsul; zookeeper: RealZooKeeper },
    alpha: MeshHost,
    beta: MeshHost,
  ) {
    this.mesh = mesh;
    this.consul = servers.consul;
    this.zookeeper = servers.zookeeper;
    this.alpha = alpha;
    this.beta = beta;
  }

  static async create(prefix: string): Promise<Cast> {
    await using stack = new AsyncDisposableStack();
    const mesh = stack.use(await Mesh.create(prefix));
    const place = { argvPrefix: ['ip', 'netns', 'exec', mesh.control.namespace] };
    const [consul, zookeeper] = await Promise.all([startConsul(place), startZooKeeper(place)]);
    stack.use(consul);
    stack.use(zookeeper);
    const services = { reviews: { ports: [{ name: 'http', number: 9080, protocol: 'http' }] } };
    await mesh.startManager({
      registries: [
        { name: 'consul', kind: 'consul', address: consul.address, services },
        {
          name: 'zookeeper',
          kind: 'zookeeper',
          // Not where the tests write to it, so that a test can cut off the Manager alone.
          servers: `${mesh.control.address}:${zookeeper.port}`,
          sessionSeconds: 2,
          paths: ['/discovery/*'],
          services,
        },
      ],
    });
    const alpha = await mesh.host('alpha', [
      caller('web', UID.web),
      caller('other', UID.other),
      server('r1', UID.first, 9081, 'v1'),
      server('r2', UID.second, 9082, 'v2'),
    ]);
    const beta = await mesh.host('beta', [
      server('r3', UID.first, 9081, 'v1'),
      server('r4', UID.second, 9082, 'v2'),
      {
        name: 'ledger',
        selector: { user: UID.ledger },
        services: ['ledger'],
        ports: [{ name: 'tcp', port: 7000, protocol: 'tcp' }],
      },
    ]);
    const cast = new Cast(mesh, { consul, zookeeper }, alpha, beta);
    await cast.#programs();
    stack.move();
    return cast;
  }

  /** Registers an instance in Consul. */
  async inConsul(id: string, host: Host, port: number, version: string): Promise<void> {
    await this.consul.request('PUT', '/v1/agent/service/register', {
      ID: id,
      Name: 'reviews',
      Address: host.address,
      Port: port,
      Meta: { version },
    });
  }

  async outOfConsul(id: string): Promise<void> {
    await this.consul.request('PUT', `/v1/agent/service/deregister/${id}`);
  }

  /** Lists an instance as a member of a ServerSet. @param number of the member. */
  async inZooKeeper(number: number, host: Host, port: number, version: string): Promise<void> {
    const endpoint = { host: host.address, port };
    const member = {
      serviceEndpoint: endpoint,
      additionalEndpoints: { http: endpoint },
      status: 'ALIVE',
      metadata: { version },
    };
    await this.zookeeper.put(memberPath(number), JSON.stringify(member));
  }

  async outOfZooKeeper(number: number): Promise<void> {
    await this.zookeeper.remove(memberPath(number));
  }

  /** Resolves when so many instances of `reviews` are reached through agents. */
  async meshed(count: number): Promise<void> {
    await eventually(
      `${count} instances of reviews in the mesh`,
      () => this.mesh.services(),
      services => meshedIn(services) === count,
    );
  }

  /** Resolves when all workloads of a host are in the mesh. */
  async joined(host: MeshHost, count: number): Promise<void> {
    await eventually(
      `${count} workloads of ${host.host.name} in the mesh`,
      () => host.status(),
      ({ workloads }) => workloads.length === count && workloads.every(({ state }) => state === 'joined'),
    );
  }

  async #programs(): Promise<void> {
    const [alpha, beta] = [this.alpha.host, this.beta.host];
    await Promise.all([
      startEcho(alpha, 'r1', [9081], { uid: UID.first }),
      startEcho(alpha, 'r2', [9082], { uid: UID.second }),
      startEcho(beta, 'r3', [9081], { uid: UID.first }),
      startEcho(beta, 'r4', [9082], { uid: UID.second }),
      startBanner(beta, 'ledger', 7000, { uid: UID.ledger }),
    ]);
    await this.inConsul('r1', alpha, 9081, 'v1');
    await this.inConsul('r2', alpha, 9082, 'v2');
    await this.inZooKeeper(1, beta, 9081, 'v1');
    await this.inZooKeeper(2, beta, 9082, 'v2');
    await this.joined(this.alpha, 4);
    await this.joined(this.beta, 3);
    await this.meshed(4);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.consul[Symbol.asyncDispose](),
      this.zookeeper[Symbol.asyncDispose](),
      this.mesh[Symbol.asyncDispose](),
    ]);
  }
}

/** How many instances of `reviews` are reached through agents. */
export function meshedIn(services: readonly ServiceReport[]): number {
  const reviews = services.find(({ name }) => name === 'reviews');
  return reviews?.instances.filter(({ reach }) => reach.kind === 'mesh').length ?? 0;
}

function memberPath(number: number): string {
  return `/discovery/reviews/member_${String(number).padStart(10, '0')}`;
}

/** An AuthorizationPolicy of the namespace `default`. */
export function policy(name: string, spec: Readonly<Record<string, unknown>>): object {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace: 'default' },
    spec,
  };
}

/** Lets only `web` call the workloads of an app. */
export function onlyWeb(app: string): object {
  return policy(`only-web-${app}`, {
    selector: { matchLabels: { app } },
    action: 'ALLOW',
    rules: [{ from: [{ source: { principals: ['isthmus.mesh/ns/default/sa/web'] } }] }],
  });
}
