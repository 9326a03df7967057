import type { Locality } from '../../manager/model/locality.ts';
import type { Fields } from '../../manager/model/util/fields.ts';

/** Reads `locality: region/zone/subzone`, of which the later parts may be left out. */
export function readLocality(fields: Fields): Locality | undefined {
  const text = fields.string('locality');
  if (text === undefined) return undefined;
  const [region = '', zone = '', subzone = '', ...more] = text.split('/');
  if (more.length > 0 || region === '')
    return fields.fail(
      'locality',
      `must be region, region/zone or region/zone/subzone, not "${text}"`,
      'try "eu/eu-1"',
    );
  return { region, zone, subzone };
}
