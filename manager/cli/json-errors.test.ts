import test from 'ava';
import { startApi } from '../api/fixture.ts';
import { INSPECT } from './fixture.ts';
import { ROUTES, RULE, run } from './fixture-run.ts';

const failures: readonly [line: string, code: number][] = [
  ['validate -f /nowhere/x.yaml -o json', 1],
  ['get vs nope --output=json', 1],
  ['services nope -ojson', 1],
  ['hosts remove nope --force --output json', 1],
  ['token revoke nope -o json', 1],
  ['get vs --nmespace x -o json', 2],
  ['get vs a b -o json', 2],
];

for (const [line, code] of failures)
  test(`isthmus ${line}: the error is JSON, and stands on stderr as ever`, async t => {
    const api = await startApi(t, { inspect: INSPECT });
    const result = await run(api, line);
    t.is(result.code, code);
    const { error } = JSON.parse(result.out) as {
      readonly error: { readonly message: string; readonly next?: string };
    };
    t.is(result.err, `${error.message}\n${error.next === undefined ? '' : `Try: ${error.next}\n`}`);
    t.is((await run(api, line.replace(/ (-o ?|--output[ =])json/, ''))).out, '');
  });

test('without a Manager, JSON says so', async t => {
  const { out } = await run(undefined, 'status -o json');
  t.is(JSON.parse(out).error.message, 'No Manager runs here: /nowhere/manager.sock is not there');
});

test('what apply and delete refuse is told in JSON in one shape, whoever refuses it', async t => {
  const api = await startApi(t, { inspect: INSPECT });
  const old = RULE.replace('{name: reviews}', '{name: reviews, resourceVersion: "7"}');
  const wrong = ROUTES.replace('weight: 90', 'wieght: 90');
  const { out } = await run(api, 'apply -f - -o json', `${old}---\n${wrong}`);
  const { applied, errors } = JSON.parse(out);
  t.like(errors[0], { where: 'stdin:16:11', path: 'spec.http[0].route[0].wieght', hint: 'did you mean "weight"?' });
  t.deepEqual(applied[0].errors, [
    {
      where: 'stdin:1:1',
      path: '',
      message: 'destinationrules.networking.istio.io "reviews" in the namespace "default" is not there',
    },
  ]);
  const gone = await run(api, 'delete -f - -o json', RULE);
  t.is(`${JSON.parse(gone.out).results[0].error.message}\n`, gone.err);
});
