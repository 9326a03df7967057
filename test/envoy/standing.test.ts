import { stat } from 'node:fs/promises';
import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import { authorizationPolicy, host, input, instance, service, workload } from '../../agent/compile/fixtures.ts';
import type { HostInput } from '../../agent/compile/input.ts';
import type { Resource } from '../../agent/compile/resource.ts';
import { FLUSH_MS } from '../../agent/envoy/launch.ts';
import { AdmittedLog } from '../../agent/revoke/admitted-log.ts';
import { Revocation } from '../../agent/revoke/revocation.ts';
import { Sockets } from '../../agent/revoke/sockets.ts';
import type { AuthorizationPolicy } from '../../manager/model/config/security.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { authority, certificate } from './authority.ts';
import { ENVOY_UID, type Stage, stage } from './fixture.ts';
import { echo, Line, tcpCaller } from './line.ts';

const DOMAIN = 'isthmus.mesh';
const NAMES = ['web', 'other'];
const PLACES = { near: '240.240.0.1', far: '240.240.0.2' } as const;
const identity = (name: string): string => `spiffe://${DOMAIN}/ns/default/sa/${name}`;

/** One host with a workload of two TCP ports, and its policy. */
class World {
  readonly #on: Stage;
  readonly #appPort: number;
  readonly #compiler = new Compiler();
  readonly paths: readonly { readonly who: string; readonly port: number; readonly resource: Resource }[];
  #input: HostInput | undefined;
  #revision = 0;

  constructor(on: Stage, appPort: number, ports: readonly number[]) {
    this.#on = on;
    this.#appPort = appPort;
    this.paths = NAMES.flatMap(name =>
      Object.entries(PLACES).map(([place, address]) => ({ name, place, address })),
    ).map(({ name, place, address }, index) => {
      const port = ports[index]!;
      return { who: `${name} ${place}`, port, resource: tcpCaller(port, identity(name), address) };
    });
  }

  /** What Envoy runs under these policies. */
  compile(
    policies: readonly AuthorizationPolicy[],
    ports: { tunnel: number; inbound: number; outbound: number; stranger: number },
  ): readonly Resource[] {
    const here = { ...host('a', '127.0.0.1', ports.tunnel), name: 'a' };
    this.#revision += 1;
    const policy = {
      workload: 'a/default/reviews',
      revision: `r${this.#revision}`,
      authorization: [...policies, authorizationPolicy('DENY', 'stranger')],
      peerAuthentication: [],
      httpPorts: [],
    };
    const own = [{ number: this.#appPort, name: 'tcp-80', protocol: 'tcp' as const }];
    const reviews = workload(here, 'reviews', own, { policy, addresses: ['127.0.0.2'] });
    // Were nobody refused who may call from here, callers would not be judged.
    const stranger = workload(here, 'stranger');
    const workloads = [
      { ...reviews, outboundPort: ports.outbound },
      { ...stranger, outboundPort: ports.stranger },
    ];
    const near = instance(here, reviews);
    const far = { ...near, reach: instance({ ...here, name: 'b' }, reviews).reach };
    const called = [{ number: 80, name: 'tcp-80', protocol: 'tcp' as const }];
    const made = input(here, workloads, [service('near', 1, called, [near]), service('far', 2, called, [far])]);
    const settings = {
      ...made.settings,
      inboundPort: ports.inbound,
      admittedLog: this.#on.paths.admitted,
      ipv6: false,
    };
    this.#input = { ...made, settings };
    return [...this.#compiler.compile(this.#input).resources, ...this.paths.map(path => path.resource)];
  }

  input(): HostInput {
    return this.#input!;
  }

  inForce(): ReadonlyMap<string, string> {
    return new Map([['a/default/reviews', `r${this.#revision}`]]);
  }
}

function revocationOf(on: Stage, world: World): Revocation {
  const reopen = (): Promise<void> => on.admin.reopenLogs();
  return new Revocation({
    workloads: () => world.input().workloads,
    inForce: () => world.inForce(),
    // So small that the list is turned over all the time.
    log: new AdmittedLog({ path: on.paths.admitted, reopen, maximum: 1, logger: on.log }),
    sockets: new Sockets(ENVOY_UID),
    namespaces: '/nowhere',
    flushMs: 2 * FLUSH_MS,
    boundMs: 200,
    logger: on.log,
  });
}

test('connections that stand end once a policy refuses them, and no others do', async t => {
  await using on = await stage();
  await using app = await echo();
  const [tunnel = 0, inbound = 0, outbound = 0, stranger = 0, ...free] = await Promise.all(
    Array.from({ length: 8 }, freePort),
  );
  const world = new World(on, app.port, free);
  const ca = authority(DOMAIN);
  const ads = on.ads();
  await ads.start();
  const identities = [...NAMES, 'reviews', 'stranger'].map(name => certificate(ca, identity(name)));
  ads.setSecrets(identities, ca.root);
  const envoy = on.envoy();
  await envoy.start(on.life.signal);
  const revocation = revocationOf(on, world);
  const running = revocation.run(on.life.signal);
  const apply = async (...policies: readonly AuthorizationPolicy[]): Promise<void> => {
    ads.update(world.compile(policies, { tunnel, inbound, outbound, stranger }));
    await envoy.ready(AbortSignal.timeout(10_000));
    t.deepEqual(await ads.applied(AbortSignal.timeout(10_000)), []);
    revocation.changed();
  };
  await apply();
  const lines = world.paths.map(({ who, port }) => new Line(who, port));
  const standing = async (): Promise<string[]> => lines.filter(({ open }) => open).map(({ who }) => who);
  for (const line of lines) t.true(await line.talks('before'), line.who);
  await eventually(
    'the list to be turned over',
    () => stat(`${on.paths.admitted}.kept`),
    ({ size }) => size > 0,
  );
  await apply(authorizationPolicy('ALLOW', 'web'));
  await eventually('the refused ones to end', standing, found => found.length === 2);
  for (const line of lines) t.is(await line.talks('after'), line.who.startsWith('web'), line.who);
  await apply(authorizationPolicy('ALLOW', 'nobody'));
  await eventually('all to end', standing, found => found.length === 0);
  t.deepEqual([...revocation.problems(), ...on.events.filter(({ level }) => level === 'error')], []);
  for (const line of lines) await line.end();
  on.life.abort();
  await running;
});
