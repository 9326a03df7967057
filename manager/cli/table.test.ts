import test from 'ava';
import { renderTable } from './table.ts';

const ROWS = [
  ['web', 'a long explanation that does not fit', '7'],
  ['reviews', 'short', '1234'],
];

const cases: readonly [string, number | undefined, string][] = [
  [
    'as wide as it gets',
    undefined,
    'NAME     WHY                                   CALLS\nweb      a long explanation that does not fit      7\nreviews  short                                  1234\n',
  ],
  [
    'fits a terminal: the widest column is cut',
    30,
    'NAME     WHY             CALLS\nweb      a long explan…      7\nreviews  short            1234\n',
  ],
  ['where no column can give more, lines are cut', 17, 'NAME    WHY     …\nweb     a lon…  …\nrevie…  short   …\n'],
];

for (const [what, width, expected] of cases)
  test(`a table: ${what}`, t => {
    t.is(
      renderTable(['NAME', 'WHY', 'CALLS'], ROWS, {
        colour: false,
        right: [2],
        ...(width === undefined ? {} : { width }),
      }),
      expected,
    );
  });
