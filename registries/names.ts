/** Whether a text is a DNS label: lower-case letters, digits and "-", at most 63, as the parts of a service's hostname must be (RFC 1123). */
export function isLabel(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}

/** Whether a text is one or more labels with dots between, as an alias must be. At most 253 characters. */
export function isHostname(text: string): boolean {
  return text.length <= 253 && text.split('.').every(label => isLabel(label) || /^_?[a-z0-9_-]{1,62}$/.test(label));
}

/** Whether a text can name a port: letters, digits and "-", at most 63. */
export function isPortName(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(text);
}
