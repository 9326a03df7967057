import test from 'ava';
import { Compiler } from '../../agent/compile/compile.ts';
import {
  authorizationPolicy,
  host,
  input,
  instance,
  policyOf,
  port,
  service,
  TRUST_DOMAIN,
  workload,
} from '../../agent/compile/fixtures.ts';
import type { Resource } from '../../agent/compile/resource.ts';
import { eventually } from '../eventually.ts';
import { freePort } from '../ports.ts';
import { authority, certificate } from './authority.ts';
import { caller } from './caller.ts';
import { soon, stage } from './fixture.ts';
import { call, origin } from './http.ts';
import { echo, Line, tcpCaller } from './line.ts';

const [WEB, OTHER, REVIEWS] = ['web', 'other', 'reviews'].map(name => `spiffe://${TRUST_DOMAIN}/ns/default/sa/${name}`);
const PLACES = ['near', 'far'];

/** Everything of a host with a workload that says of two ports that they speak TCP, and lets `web` in. */
function world(ports: { readonly web: number; readonly lines: number; readonly own: readonly number[] }) {
  const [tunnel = 0, inboundPort = 0, outboundPort = 0] = ports.own;
  const here = host('a', '127.0.0.1', tunnel);
  const compiler = new Compiler();
  const uid = 'a/default/reviews';
  return (httpPorts: readonly number[]): readonly Resource[] => {
    const policy = { ...policyOf(uid, [authorizationPolicy('ALLOW', 'web')]), httpPorts };
    const of = workload(here, 'reviews', [port(ports.web, 'tcp'), port(ports.lines, 'tcp')], { policy });
    const services = PLACES.flatMap((place, index) => {
      const { reach } = instance(place === 'near' ? here : { ...here, name: 'b' }, of);
      const leads = (name: string, number: number) => [instance(here, of, { reach, ports: { [name]: number } })];
      return [
        service(place, 2 * index + 1, [port(80)], leads('http-80', ports.web)),
        service(`${place}-lines`, 2 * index + 2, [port(80, 'tcp')], leads('tcp-80', ports.lines)),
      ];
    });
    const made = input(here, [{ ...of, outboundPort }], services);
    const settings = { ...made.settings, inboundPort, ipv6: false };
    return compiler.compile({ ...made, left: [WEB!, OTHER!], settings }).resources;
  };
}

/** Who calls which service from which ports. */
function pathsFrom(free: readonly number[]) {
  return [WEB!, OTHER!].flatMap((who, caller) =>
    PLACES.map((place, at) => {
      const [http = 0, tcp = 0] = free.slice(4 * caller + 2 * at);
      return { who, place, http, tcp, lines: `240.240.0.${2 * at + 2}` };
    }),
  );
}

test('where services have HTTP spoken a refused caller reads why, whatever the workload says; one that speaks none is cut off', async t => {
  await using on = await stage();
  await using app = await origin('reviews');
  await using lines = await echo();
  const [tunnel = 0, inbound = 0, outbound = 0, ...free] = await Promise.all(Array.from({ length: 11 }, freePort));
  const compile = world({ web: app.port, lines: lines.port, own: [tunnel, inbound, outbound] });
  const paths = pathsFrom(free);
  const callers = paths.flatMap(({ who, place, http, tcp, lines }) => [
    caller(http, who, place),
    tcpCaller(tcp, who, lines),
  ]);
  const ca = authority(TRUST_DOMAIN);
  const certificates = [WEB!, OTHER!, REVIEWS!].map(identity => certificate(ca, identity));
  const { ads } = await on.serve([...compile([]), ...callers], { secrets: { certificates, roots: ca.root } });
  const linesOf = (caller: string) =>
    paths.filter(({ who }) => who === caller).map(each => new Line(each.place, each.tcp));
  const standing = linesOf(WEB!);
  for (const line of standing) t.true(await line.talks('before'), line.who);
  const answers = async (httpPorts: readonly number[]): Promise<Readonly<Record<string, string>>> => {
    ads.update([...compile(httpPorts), ...callers]);
    t.deepEqual(await ads.applied(soon()), []);
    await eventually(
      'what was replaced to be drained',
      () => on.admin.stats('_draining$'),
      stats => stats.length > 0 && stats.every(({ value }) => value === 0),
    );
    for (const line of standing) t.true(await line.talks('after'), line.who);
    const found = paths.map(async ({ who, place, http }) => {
      const { status, body } = await call(http, place);
      return [`${who.split('/').at(-1)} ${place}`, status === 403 ? body : String(status)] as const;
    });
    return Object.fromEntries(await Promise.all(found));
  };
  const allowed = { 'web near': '200', 'web far': '200' };
  t.deepEqual(await answers([]), { ...allowed, 'other near': '503', 'other far': '503' });
  const reason = `isthmus: ${OTHER} is refused by the AuthorizationPolicies of this workload\n`;
  const told = { ...allowed, 'other near': reason, 'other far': reason };
  t.deepEqual(await answers([app.port, lines.port]), told);
  const [speaking, silent] = [linesOf(OTHER!), linesOf(OTHER!)];
  t.deepEqual(await Promise.all(speaking.map(line => line.talks('word'))), [false, false]);
  await eventually(
    'those who wait to be cut off',
    () => silent.filter(({ open }) => open).length,
    open => open === 0,
  );
  t.deepEqual(await answers([app.port]), told);
  for (const line of [...standing, ...speaking, ...silent]) await line.end();
});
