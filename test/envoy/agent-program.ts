/** An agent in a process of its own, which can be killed. Takes its task as JSON; prints `ready` once Envoy takes traffic. */
import type { Resource } from '../../agent/compile/resource.ts';
import { AdsServer } from '../../agent/envoy/ads/server.ts';
import { EnvoyProcess } from '../../agent/envoy/process.ts';
import type { EnvoyProcessOptions } from '../../agent/envoy/process-options.ts';
import { silentLogger } from '../../manager/model/util/log.ts';

export interface AgentTask {
  readonly envoy: Omit<EnvoyProcessOptions, 'log'>;
  readonly resources: readonly Resource[];
}

const { envoy, resources } = JSON.parse(process.argv[2] ?? '') as AgentTask;
const ads = new AdsServer({ socket: envoy.paths.xds, uid: envoy.uid, log: silentLogger });
await ads.start();
ads.setSecrets([], 'none');
ads.update(resources);
const running = new EnvoyProcess({ ...envoy, log: silentLogger });
await running.start(new AbortController().signal);
await running.ready(AbortSignal.timeout(20_000));
process.stdout.write(`ready ${running.status().pid}\n`);
