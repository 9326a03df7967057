import type * as Http from 'node:http';

/**
 * Node's `http`. An `import` of it evaluates all that it exports, with the whole of `fetch` and WebSocket, which nobody here uses: that
 * takes as long as a third of an agent's modules together, and 14 MB.
 */
export const http: typeof Http = process.getBuiltinModule('node:http');
