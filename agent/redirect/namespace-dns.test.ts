import test from 'ava';
import { AskedServers, askedRules, askedSets } from './namespace-dns.ts';

const shown = (...elem: readonly unknown[]): string =>
  JSON.stringify({ nftables: [{ metainfo: {} }, { set: { name: 'asked4_1', ...(elem.length > 0 ? { elem } : {}) } }] });

test('a server is known by the port that its questions arrive at, once it was learned', t => {
  const asked = new AskedServers();
  const { server, set } = asked.at(4, 15_054);
  t.is(server, undefined);
  t.is(set, 'asked4_1');
  asked.learn(shown());
  t.is(asked.at(4, 15_054).server, undefined);
  asked.learn(shown('127.0.0.11'));
  t.is(asked.at(4, 15_054).server, '127.0.0.11');
  t.is(asked.at(6, 15_054).server, undefined);
  t.deepEqual(asked.elements()['asked4_1'], ['127.0.0.11']);
  t.deepEqual(asked.elements()['asked6_1'], []);
});

test('each set has a rule that leads to its port, in the order of places', t => {
  const rules = askedRules({ 4: '', 6: '' });
  for (const family of [4, 6]) {
    const found = [...rules.matchAll(new RegExp(`add @asked${family}_(\\d) .* redirect to :(\\d+)`, 'g'))];
    t.deepEqual(
      found.map(([, place, port]) => [Number(place), Number(port)]),
      Array.from({ length: 8 }, (_, place) => [place, 15_053 + place]),
    );
  }
  t.is(askedSets().match(/ set asked/g)?.length, 16);
});
