/** Where something runs, from wide to narrow; an empty string is "not said". */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** The locality of what did not say where it is. */
export const NOWHERE: Locality = { region: '', zone: '', subzone: '' };
