import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import { host, input, instance, service, workload } from '../../agent/compile/fixtures.ts';
import { freePort } from '../ports.ts';
import { authority, certificate } from './authority.ts';
import { caller } from './caller.ts';
import { soon, stage } from './fixture.ts';
import { call, origin } from './http.ts';

const DOMAIN = 'isthmus.mesh';
const id = (name: string): string => `spiffe://${DOMAIN}/ns/default/sa/${name}`;

test('a far end that shows the certificate of another workload of the mesh than was meant is not called', async t => {
  await using on = await stage();
  await using app = await origin('reviews');
  const ca = authority(DOMAIN);
  const here = host('a', '127.0.0.1', await freePort());
  const reviews = workload(here, 'reviews', [{ number: app.port, name: 'http-80', protocol: 'http' }]);
  const genuine = instance({ ...here, name: 'b' }, reviews);
  const called = [{ number: 80, name: 'http-80', protocol: 'http' as const }];
  const services = ['reviews', 'ledger'].map((name, index) => {
    const reach = { ...genuine.reach, identity: id(name) };
    return service(name, index + 1, called, [{ ...genuine, reach }]);
  });
  const made = input(here, [{ ...reviews, outboundPort: await freePort() }], services);
  const settings = { ...made.settings, inboundPort: await freePort(), ipv6: false };
  const { resources } = new Compiler().compile({ ...made, settings });
  const [toReviews, toLedger] = [await freePort(), await freePort()];
  const callers = [caller(toReviews, id('web'), 'reviews'), caller(toLedger, id('web'), 'ledger')];
  const certificates = ['web', 'reviews'].map(name => certificate(ca, id(name)));
  const { ads } = await on.serve([...resources, ...callers], { secrets: { certificates, roots: ca.root } });
  t.deepEqual(await ads.applied(soon()), []);
  const whom = async (port: number): Promise<string> => {
    const { status, body } = await call(port, 'x');
    return `${status} ${body}`;
  };
  t.is(await whom(toReviews), '200 reviews');
  t.regex(await whom(toLedger), /^503 /);
});
