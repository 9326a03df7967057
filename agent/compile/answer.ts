import { http } from './filters.ts';
import type { JsonMap } from './resource.ts';

/** An answer that Envoy gives by itself, with the reason as its text. */
export function answer(status: number, reason: string): JsonMap {
  return { direct_response: { status, body: { inline_string: `isthmus: ${reason}\n` } } };
}

/** Who has asked for nothing after so long speaks no HTTP, or waits for the other side to speak first. */
const SILENT = '5s';

/**
 * Answers every request with 403 and the reason, then closes: a later request may be allowed, and must not meet this connection. A caller
 * that speaks something else is cut off, after five seconds at the most.
 *
 * @param reason may hold Envoy's formatters, such as `%FILTER_STATE(isthmus.address:PLAIN)%`.
 */
export function refuseHttp(reason: string): JsonMap {
  const text = { text_format_source: { inline_string: `isthmus: ${reason}\n` } };
  const route = {
    match: { prefix: '/' },
    direct_response: { status: 403, body: { inline_string: '' }, body_format: text },
  };
  return http('refuse', {
    common_http_protocol_options: { max_requests_per_connection: 1, idle_timeout: SILENT },
    request_headers_timeout: SILENT,
    route_config: { name: 'refuse', virtual_hosts: [{ name: 'refuse', domains: ['*'], routes: [route] }] },
  });
}
