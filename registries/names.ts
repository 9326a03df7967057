import { isLabel } from '../manager/model/service.ts';

/**
 * Whether programs take a text for an IPv4 address, right or mistyped, and never for a host name: its last label is a number, decimal or
 * hexadecimal (WHATWG URL, "ends in a number"). So is `10.99.0`, which would be asked of name servers for ever.
 */
export function endsInNumber(text: string): boolean {
  return /(^|\.)(\d+|0[xX][0-9A-Fa-f]*)\.?$/.test(text);
}

/** How to mend an address that is none; undefined when no more is known of it. */
export function addressHint(address: string): string | undefined {
  return endsInNumber(address) ? 'an IPv4 address is four numbers from 0 to 255' : undefined;
}

/** Whether a text is one or more labels with dots between, the last of them no number, as an alias must be. At most 253 characters. */
export function isHostname(text: string): boolean {
  if (text.length > 253 || endsInNumber(text)) return false;
  return text.split('.').every(label => isLabel(label) || /^_?[a-z0-9_-]{1,62}$/.test(label));
}

/** Whether a text can name a port: letters, digits and "-", at most 63. */
export function isPortName(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(text);
}
