import test from 'ava';
import { type Resource, TYPE } from '../../compile/resource.ts';
import { Ledger } from './ledger.ts';
import type { DeltaRequest } from './wire.ts';

const REQUEST: DeltaRequest = {
  typeUrl: TYPE.cluster,
  subscribe: [],
  unsubscribe: [],
  initialVersions: {},
  nonce: '',
};
const MANY = 1000;

/** A client of clusters, and how often it was looked which version one has. */
function watched() {
  let looks = 0;
  const cluster = (name: string, version: string): Resource => ({
    typeUrl: TYPE.cluster,
    name,
    get version() {
      looks += 1;
      return version;
    },
    body: {},
    origins: [],
  });
  const ledger = new Ledger(true, () => undefined);
  const wanted = new Map(Array.from({ length: MANY }, (_, index) => [`c${index}`, cluster(`c${index}`, '1')]));
  let nonce = 0;
  /** Sends what lacks, and takes the answer; names of what was sent. */
  const exchange = (desired: ReadonlyMap<string, Resource>, error?: string): string[] => {
    nonce += 1;
    const resources = new Map(ledger.additions(desired).map(each => [each.name, each]));
    ledger.sent({ nonce: String(nonce), resources, standIns: new Set(), removed: [], at: 0 });
    ledger.receive({ ...REQUEST, nonce: String(nonce), ...(error === undefined ? {} : { error }) });
    return [...resources.keys()];
  };
  ledger.receive(REQUEST);
  return { ledger, cluster, wanted, exchange, looks: () => looks };
}

test('once a client has all, a change of one has nobody look at the others', t => {
  const { ledger, cluster, wanted, exchange, looks } = watched();
  t.is(exchange(wanted).length, MANY);
  t.deepEqual(exchange(wanted), []);
  const before = looks();
  const changed = new Map(wanted).set('c7', cluster('c7', '2'));
  t.deepEqual(exchange(changed), ['c7']);
  t.deepEqual(ledger.additions(changed), []);
  t.true(looks() - before < 20, `${looks() - before} looks`);
});

test('what a client takes late, and is wanted no more, is put right', t => {
  const { ledger, cluster, wanted, exchange } = watched();
  exchange(wanted);
  const [other, back] = ['2', '1'].map(version => new Map(wanted).set('c7', cluster('c7', version)));
  const [sent] = ledger.additions(other!);
  ledger.sent({ nonce: 'n', resources: new Map([['c7', sent!]]), standIns: new Set(), removed: [], at: 0 });
  t.deepEqual(ledger.additions(back!), [], 'it has what is wanted, as far as anybody knows');
  ledger.receive({ ...REQUEST, nonce: 'n' });
  t.deepEqual(exchange(back!), ['c7']);
});

test('what was refused with others, is gone and comes back, or is asked for anew is offered again', t => {
  const { ledger, cluster, wanted, exchange } = watched();
  exchange(wanted);
  const changed = new Map(wanted).set('c7', cluster('c7', '2')).set('c8', cluster('c8', '2'));
  t.deepEqual(exchange(changed, 'no'), ['c7', 'c8']);
  const offered = [exchange(changed), exchange(changed), exchange(changed)].flat();
  t.deepEqual(offered.toSorted(), ['c7', 'c8']);
  const fewer = new Map([...changed].filter(([name]) => name !== 'c9'));
  t.deepEqual(ledger.removals(fewer), ['c9']);
  ledger.sent({ nonce: 'r', resources: new Map(), standIns: new Set(), removed: ['c9'], at: 0 });
  t.deepEqual(ledger.additions(changed), []);
  ledger.receive({ ...REQUEST, nonce: 'r' });
  t.deepEqual(exchange(changed), ['c9']);
  ledger.force('c1');
  t.deepEqual(exchange(changed), ['c1']);
});
