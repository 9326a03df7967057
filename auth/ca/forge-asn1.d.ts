// @types/node-forge describes the whole library as one module; we load its ASN.1 part alone (6 ms rather than 70).
declare module 'node-forge/lib/asn1.js' {
  import type { asn1 } from 'node-forge';

  const module: typeof asn1;
  export default module;
}
