import { parseSpiffeId } from '../identity.ts';
import type { Expression, TextMatch } from './expression.ts';

/** A call as policies see it. */
export interface Call {
  /** SPIFFE ID of the caller; absent for a caller without identity. */
  readonly principal?: string;
  /** The workload's own port. */
  readonly port: number;
}

const SCHEME = 'spiffe://';

/** Whether the expression holds for one call. */
export function decide(expression: Expression, call: Call): boolean {
  switch (expression.kind) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'and':
      return expression.of.every(part => decide(part, call));
    case 'or':
      return expression.of.some(part => decide(part, call));
    case 'not':
      return !decide(expression.of, call);
    case 'authenticated':
      return call.principal !== undefined;
    case 'principal':
      return (
        call.principal?.startsWith(SCHEME) === true && matches(expression.match, call.principal.slice(SCHEME.length))
      );
    case 'namespace': {
      const identity = call.principal === undefined ? undefined : parseSpiffeId(call.principal);
      return identity !== undefined && matches(expression.match, identity.namespace);
    }
    case 'port':
      return expression.port === call.port;
  }
}

function matches(match: TextMatch, text: string): boolean {
  switch (match.kind) {
    case 'exact':
      return text === match.text;
    case 'prefix':
      return text.startsWith(match.text);
    case 'suffix':
      return text.endsWith(match.text);
  }
}
