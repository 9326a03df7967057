/** What was found, beside a bound. */
export interface Aim {
  readonly atMost: number;
  readonly found: number;
}

export function verdictOf({ atMost, found }: Aim): 'reached' | 'missed' {
  return found <= atMost ? 'reached' : 'missed';
}
