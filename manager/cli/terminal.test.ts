import test from 'ava';
import { startApi } from '../api/fixture.ts';
import { HOST, REGISTRY } from './fixture.ts';
import { ok, RULE, run } from './fixture-run.ts';

/** Nothing that a terminal obeys. */
const PLAIN = /^[\P{Cc}\n]*$/u;

test('what hosts and registries write cannot speak to the terminal', async t => {
  const host = { ...HOST, agentVersion: '1\u001b[2J\u001b]0;x\u0007', rejections: [] };
  const problems = [{ where: 'a\r\u009b2J', why: 'b\u0000' }];
  const inspect = { hosts: () => [host], registries: () => [{ ...REGISTRY, problems }] };
  const api = await startApi(t, { inspect });
  for (const command of ['hosts', 'status']) t.regex((await ok(t, api, command)).out, PLAIN);
});

test('nor can what writers of config write', async t => {
  const api = await startApi(t);
  const annotated = RULE.replace('{name: reviews}', '{name: reviews, annotations: {by: "\\u009b2J"}}');
  await ok(t, api, 'apply -f -', annotated);
  for (const line of ['get -o yaml', 'get dr reviews -o yaml', 'get -f - -o yaml', 'get -o json']) {
    const { out } = await ok(t, api, line, annotated);
    t.regex(out, PLAIN, line);
    t.regex(out, /\\u009b2J/, line);
  }
  const wrong = RULE.replace('kind: DestinationRule', 'kind: "\\e[2J\\u009b2J"');
  for (const line of ['validate -f -', 'apply -f -', 'apply -f - -o json', 'delete -f -', 'get dr \u001b[2J']) {
    const { code, out, err } = await run(api, line, wrong);
    t.not(code, 0, line);
    t.regex(out, PLAIN, line);
    t.regex(err, /\[2J/, line);
    t.regex(err, PLAIN, line);
  }
});
