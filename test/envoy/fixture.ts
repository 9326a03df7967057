import { chmod, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { transparency } from '../../agent/capabilities.ts';
import type { Resource } from '../../agent/compile/resource.ts';
import { EnvoyAdmin } from '../../agent/envoy/admin.ts';
import type { CertificateSecret } from '../../agent/envoy/ads/secrets.ts';
import { AdsServer, type AdsServerOptions } from '../../agent/envoy/ads/server.ts';
import { findEnvoy } from '../../agent/envoy/binary.ts';
import { bootstrap } from '../../agent/envoy/bootstrap.ts';
import { type EnvoyPaths, envoyPaths } from '../../agent/envoy/paths.ts';
import { EnvoyProcess } from '../../agent/envoy/process.ts';
import type { EnvoyProcessOptions, EnvoyStart } from '../../agent/envoy/process-options.ts';
import type { LogFields, Logger } from '../../manager/model/util/log.ts';
import { guard, newId, sweep } from '../hosts/owner.ts';

/** Envoy's user in these tests; nobody's account. */
export const ENVOY_UID = 1337;

/** What was logged, by level. */
export interface Logged {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps what is logged. */
export function recorder(): { readonly log: Logger; readonly events: readonly Logged[] } {
  const events: Logged[] = [];
  const note =
    (level: Logged['level']) =>
    (message: string, fields: LogFields = {}): void =>
      void events.push({ level, message, fields });
  const log: Logger = {
    error: note('error'),
    warn: note('warn'),
    info: note('info'),
    debug: note('debug'),
    child: () => log,
  };
  return { log, events };
}

/** An Envoy that has its config, and who gave it. */
export interface Serving {
  readonly ads: AdsServer;
  readonly envoy: EnvoyProcess;
  readonly how: EnvoyStart;
}

/** What an Envoy of a test is given besides its resources. */
export interface ServingOptions {
  readonly ads?: Partial<AdsServerOptions>;
  readonly envoy?: Partial<EnvoyProcessOptions>;
  /** None when absent. */
  readonly secrets?: { readonly certificates: readonly CertificateSecret[]; readonly roots: string };
  /** Ends the watch over Envoy, not Envoy; so does `life`. */
  readonly signal?: AbortSignal;
}

/** Folders of one host for a test, with what runs an Envoy in them. All of it is gone after disposal. */
export interface Stage extends AsyncDisposable {
  readonly paths: EnvoyPaths;
  readonly admin: EnvoyAdmin;
  readonly log: Logger;
  readonly events: readonly Logged[];
  /** Aborts at disposal at the latest. */
  readonly life: AbortController;
  /** What {@link envoy} runs, unless told otherwise. */
  readonly program: Omit<EnvoyProcessOptions, 'log'>;
  ads(options?: Partial<AdsServerOptions>): AdsServer;
  envoy(options?: Partial<EnvoyProcessOptions>): EnvoyProcess;
  /** Starts both, and resolves once Envoy takes traffic. */
  serve(resources: readonly Resource[], options?: ServingOptions): Promise<Serving>;
}

/** For what Envoy does at once; so long only because machines of tests are busy. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(20_000);
}

async function serve(
  resources: readonly Resource[],
  ads: AdsServer,
  envoy: EnvoyProcess,
  { secrets, signal }: Pick<ServingOptions, 'secrets'> & { readonly signal: AbortSignal },
): Promise<Serving> {
  await ads.start();
  ads.setSecrets(secrets?.certificates ?? [], secrets?.roots ?? 'none');
  ads.update(resources);
  const how = await envoy.start(signal);
  await envoy.ready(soon());
  return { ads, envoy, how };
}

/** The Envoy of this machine, brought here if it has none. */
async function binaryOf(log: Logger): Promise<string> {
  const cacheDir = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'isthmus');
  return await findEnvoy({ path: process.env['PATH'], cacheDir, log }, AbortSignal.timeout(300_000));
}

/** A stage with nothing on it. Brings Envoy to this machine if it has none. What is on it ends with this process, however that ends. */
export async function stage(): Promise<Stage> {
  await sweep();
  const id = newId('envoy');
  const watchdog = guard(id);
  const folder = join('/tmp', id);
  await mkdir(folder, { mode: 0o700 });
  await chmod(folder, 0o711);
  const paths = envoyPaths(folder, folder);
  const { log, events } = recorder();
  const binary = await binaryOf(log);
  const transparent = await transparency();
  const servers: AdsServer[] = [];
  const life = new AbortController();
  const program = {
    binary,
    paths,
    uid: ENVOY_UID,
    gid: ENVOY_UID,
    capabilities: transparent ? [transparent] : [],
    concurrency: 2,
    drainSeconds: 2,
    bootstrap: bootstrap({ host: 'a', paths }),
  };
  const envoy = (options: Partial<EnvoyProcessOptions> = {}): EnvoyProcess =>
    new EnvoyProcess({ ...program, log, ...options });
  const ads = (options: Partial<AdsServerOptions> = {}): AdsServer => {
    const server = new AdsServer({ socket: paths.xds, uid: ENVOY_UID, log, ...options });
    servers.push(server);
    return server;
  };
  return {
    paths,
    admin: new EnvoyAdmin({ socket: paths.admin }),
    log,
    events,
    life,
    program,
    ads,
    envoy,
    serve: (resources, { signal, ...options } = {}) =>
      serve(resources, ads(options.ads), envoy(options.envoy), {
        ...options,
        signal: signal ? AbortSignal.any([life.signal, signal]) : life.signal,
      }),
    async [Symbol.asyncDispose]() {
      life.abort();
      await envoy().stop(0);
      for (const server of servers) await server.close();
      await watchdog.release();
    },
  };
}
