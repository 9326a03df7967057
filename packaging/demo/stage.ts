import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceReport } from '../../manager/api/inspect.ts';
import { connectManager, type ManagerClient } from '../../manager/cli/client.ts';
import { messageOf } from '../../manager/model/util/errors.ts';
import { eventually } from '../../test/eventually.ts';
import { startEcho } from '../../test/hosts/apps.ts';
import { folderFlags, type Host } from '../../test/hosts/host.ts';
import { createNetwork } from '../../test/hosts/network.ts';
import type { Running } from '../../test/hosts/process.ts';
import { OTHER, type Player, SERVERS, WEB, workloadFile } from './cast.ts';
import { type DemoRegistry, openRegistries } from './registries.ts';
import { BASE_CONFIG, type Split, splitConfig } from './shift.ts';
import { type InstancePlace, placesOf } from './summary.ts';

const ISTHMUS = new URL('../bin/isthmus', import.meta.url).pathname;
/** For each step of setting up, milliseconds. */
const STEP_MS = 30_000;

/** The hosts of the demo, with everything that runs on them. Disposing ends all of it and removes every trace. */
export class Stage implements AsyncDisposable {
  readonly alpha: Host;
  readonly beta: Host;
  readonly #control: Host;
  readonly #stack = new AsyncDisposableStack();
  readonly #manager: ManagerClient;
  readonly #signal: AbortSignal;

  private constructor(hosts: readonly Host[], signal: AbortSignal) {
    [this.#control, this.alpha, this.beta] = hosts as [Host, Host, Host];
    this.#manager = connectManager({ runDir: this.#control.runDir });
    this.#signal = signal;
  }

  /** Builds it all: two hosts with agents and programs, and one with a Manager. @param say what is being done. */
  static async build(say: (line: string) => void, signal: AbortSignal): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await createNetwork({ prefix: 'demo' }));
    const hosts = [await network.host('control'), await network.host('alpha'), await network.host('beta')];
    const stage = new Stage(hosts, signal);
    say(
      `made two hosts, alpha and beta, and one for the Manager, of network namespaces; look into one: ip netns exec ${stage.alpha.namespace} bash`,
    );
    const registries = await openRegistries(stage.#control, stack, say);
    for (const server of SERVERS) await registries[server.host].list(server, stage.hostOf(server).address);
    say('starting a Manager');
    await stage.#startManager(Object.values(registries));
    say('joining the hosts alpha and beta, each with its own agent and Envoy');
    await Promise.all([stage.#join(stage.alpha), stage.#join(stage.beta)]);
    say('starting four instances of reviews, two on each host');
    await Promise.all(
      SERVERS.map(server => startEcho(stage.hostOf(server), server.name, [server.port], { uid: server.uid })),
    );
    await stage.#apply(BASE_CONFIG);
    await stage.#meshed();
    stage.#stack.use(stack.move());
    return stage;
  }

  hostOf(player: Player): Host {
    return player.host === 'alpha' ? this.alpha : this.beta;
  }

  /** Has calls split so from now on. */
  split(split: Split): Promise<void> {
    return this.#apply(splitConfig(split));
  }

  /** Where each instance stands, as the Manager tells it. */
  async places(): Promise<Readonly<Record<string, InstancePlace>>> {
    const { status, body } = await this.#manager.request({ path: '/isthmus/v1/services' }, this.#signal);
    if (status !== 200) throw new Error(`The Manager answered ${status}: ${JSON.stringify(body)}`);
    const reviews = (body as { items: ServiceReport[] }).items.find(service => service.name === 'reviews');
    return reviews === undefined ? {} : placesOf(reviews);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#stack[Symbol.asyncDispose]();
  }

  async #startManager(registries: readonly DemoRegistry[]): Promise<void> {
    const config = { registries: registries.map(registry => registry.config) };
    await writeFile(join(this.#control.configDir, 'manager.yaml'), JSON.stringify(config, undefined, 2));
    const manager = this.#daemon(this.#control, 'manager');
    await this.#came(manager, manager.line(/Manager is ready/, STEP_MS));
  }

  async #join(host: Host): Promise<void> {
    const token = await this.#command(
      'token',
      'create',
      '--host',
      host.name,
      '--identity',
      'default/*',
      '--output',
      'json',
    );
    const { token: secret } = JSON.parse(token) as { token: string };
    const manager = `${this.#control.address}:15012`;
    const flags = ['--host', host.name, '--address', host.address];
    const command = [ISTHMUS, 'join', manager, '--token-file', '-', ...flags, ...folderFlags(host)];
    await host.run(command, { input: secret });
    await mkdir(join(host.configDir, 'workloads.d'), { recursive: true });
    for (const player of [WEB, OTHER, ...SERVERS].filter(one => one.host === host.name))
      await writeFile(join(host.configDir, 'workloads.d', `${player.name}.yaml`), workloadFile(player));
    await host.setResolvers([this.#control.address]);
    const agent = this.#daemon(host, 'agent');
    await this.#came(agent, agent.line(/agent is running/, STEP_MS));
  }

  /** Resolves once every instance is reached through its host's agent. */
  async #meshed(): Promise<void> {
    await eventually(
      'every instance of reviews in the mesh',
      () => this.places(),
      places => Object.keys(places).length === SERVERS.length,
      { timeoutMs: STEP_MS, pauseMs: 100, signal: this.#signal },
    );
  }

  async #apply(config: string): Promise<void> {
    await this.#control.run([ISTHMUS, 'apply', '-f', '-', '--run-dir', this.#control.runDir], { input: config });
  }

  async #command(...words: string[]): Promise<string> {
    return await this.#control.run([ISTHMUS, ...words, '--run-dir', this.#control.runDir]);
  }

  #daemon(host: Host, role: string): Running {
    return host.spawn([ISTHMUS, role, ...folderFlags(host)]);
  }

  /** Waits for something, unless the daemon that should bring it about ends before, or the person gives up. */
  async #came(daemon: Running, wanted: Promise<unknown>): Promise<void> {
    const failed = daemon.exited.then(({ code, signal, stderr }) => {
      throw new Error(`it ended with ${signal ?? code}: ${stderr.trim().split('\n').slice(-5).join('\n')}`);
    });
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(this.#signal.reason as Error);
    this.#signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([wanted, failed, givenUp]);
    } catch (error) {
      if (this.#signal.aborted) throw error;
      throw new Error(`A daemon of the demo did not come up: ${messageOf(error)}`, { cause: error });
    } finally {
      this.#signal.removeEventListener('abort', abort);
    }
  }
}
