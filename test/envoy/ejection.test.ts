import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import { destinationRule, direct, host, input, port, service, TRUST_DOMAIN } from '../../agent/compile/fixtures.ts';
import type { OutlierDetection } from '../../manager/model/config/destination-rule.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { authority } from './authority.ts';
import { caller } from './caller.ts';
import { soon, stage } from './fixture.ts';
import { call, origin } from './http.ts';

const WEB = `spiffe://${TRUST_DOMAIN}/ns/default/sa/web`;
/** What this many calls in a row meet, none of them failing, is no chance. */
const ENOUGH = 30;

/** A server that fails whatever it is asked. */
async function broken(): Promise<AsyncDisposable & { readonly port: number }> {
  const server: Server = createServer((_, response) => void response.writeHead(500).end('broken'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(done => server.close(done));
    },
  };
}

const CASES: readonly [what: string, detection: OutlierDetection, ejects: boolean][] = [
  ['one of few, where nobody said how many', { consecutive5xxErrors: 3 }, true],
  ['as many as was said', { consecutive5xxErrors: 3, maxEjectionPercent: 50 }, true],
  ['none where so few were said', { consecutive5xxErrors: 3, maxEjectionPercent: 10 }, false],
];

for (const [what, outlierDetection, ejects] of CASES)
  test(`instances that fail are left out: ${what}`, async t => {
    await using on = await stage();
    await using good = await origin('good');
    await using bad = await broken();
    const at = (id: string, number: number): ReturnType<typeof direct> =>
      direct(id, '127.0.0.1', { 'http-80': number });
    const rule = destinationRule('s', {
      trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' }, outlierDetection },
      subsets: [],
    });
    const called = service('s', 1, [port(80)], [at('good', good.port), at('bad', bad.port)], { destinationRule: rule });
    const own = await freePort();
    const { resources } = new Compiler().compile(input(host('a', '127.0.0.1'), [], [called]));
    const secrets = { certificates: [], roots: authority(TRUST_DOMAIN).root };
    const { ads } = await on.serve([...resources, caller(own, WEB, 's')], { secrets });
    t.deepEqual(await ads.applied(soon()), []);
    const statuses = async (): Promise<number[]> => {
      const found: number[] = [];
      for (let number = 0; number < ENOUGH; number += 1) found.push((await call(own, 's')).status);
      return found;
    };
    if (ejects)
      await eventually('only the good one is called', statuses, found => found.every(status => status === 200));
    else for (const _ of [1, 2]) t.true((await statuses()).includes(500));
    t.pass();
  });
