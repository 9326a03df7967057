import test from 'ava';
import { namespaceRuleset } from './namespace-ruleset.ts';
import { replaceScript } from './script.ts';

test('the rules of a namespace hold its ports and the name servers that were asked there', t => {
  const inside = { path: '/x', id: '4-1', virtualRanges: [], ports: [80], proxyUid: 1 };
  const asked = { asked4_0: ['127.0.0.11'] };
  const ruleset = namespaceRuleset(inside, { udpTimeouts: true }, asked);
  t.deepEqual(ruleset.elements, { own: ['80'], ...asked });
  const script = replaceScript(ruleset);
  t.regex(script, /set asked4_0 \{ type ipv4_addr; size 1; flags dynamic; elements = \{ 127\.0\.0\.11 \} \}/);
  t.regex(script, /ct timeout set "brief6"/);
  t.notRegex(script, /%/);
  t.notRegex(replaceScript(namespaceRuleset(inside, { udpTimeouts: false }, asked)), /ct timeout/);
});
