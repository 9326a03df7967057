import type { TokenInfo } from '../api/tokens.ts';
import { parseDuration } from '../config/duration.ts';
import { asker, askFor, causesOf, refusal } from './ask.ts';
import type { ManagerAnswer } from './client.ts';
import { type Command, type CommandError, EXIT, usageError } from './command.ts';
import { CONNECTION_OPTIONS, OUTPUT_OPTION, TIMED_OUTPUT_OPTION, textOf, textsOf } from './options.ts';
import { print, type Table } from './output.ts';

/** What the Manager takes. */
const LONGEST_TTL_MS = 30 * 24 * 3_600_000;

/** Makes a join token. */
export const tokenCreateCommand: Command = {
  name: 'token create',
  summary: 'Make a token with which one host joins, once',
  usage: 'isthmus token create --identity <namespace>/<service account>... [--host <name>] [--ttl 1h]',
  examples: [
    {
      command: 'isthmus token create --identity "default/*"',
      says: 'for any host, whose workloads are of one namespace',
    },
    {
      command: 'isthmus token create --host vm-7 --identity shop/web --identity shop/reviews --ttl 10m',
      says: 'for one host and two identities, good for ten minutes',
    },
  ],
  options: {
    identity: {
      type: 'string',
      multiple: true,
      placeholder: 'ns/account',
      summary: 'what workloads of the host may be; * for any',
    },
    host: { type: 'string', placeholder: 'name', summary: 'the only host that may use it' },
    ttl: { type: 'string', placeholder: 'duration', default: '1h', summary: 'how long it can be used, up to 720h' },
    ...TIMED_OUTPUT_OPTION,
    ...CONNECTION_OPTIONS,
  },
  async run({ values }, context) {
    const identities = textsOf(values, 'identity');
    if (identities.length === 0)
      throw usageError(tokenCreateCommand, '--identity is missing: say what the host may be, such as "default/*"');
    const ttlMs = parseDuration(textOf(values, 'ttl') ?? '1h');
    if (ttlMs === undefined)
      throw usageError(
        tokenCreateCommand,
        `--ttl must be a duration such as 10m or 1h, not "${textOf(values, 'ttl')}"`,
      );
    if (ttlMs < 1_000 || ttlMs > LONGEST_TTL_MS)
      throw usageError(tokenCreateCommand, `--ttl must be from 1s to 720h (30 days), not "${textOf(values, 'ttl')}"`);
    const host = textOf(values, 'host');
    const answer = await asker(
      values,
      context,
    )({
      method: 'POST',
      path: '/isthmus/v1/tokens',
      body: { identities, ttlMs, ...(host === undefined ? {} : { host }) },
    });
    if (answer.status >= 400) throw refusedOptions(answer) ?? refusal(answer);
    const created = answer.body as TokenInfo & { readonly token: string };
    print(context, values, created, () => `${created.token}\n`);
    return EXIT.ok;
  },
};

/** What the Manager says of its fields, as of the options that they came from; undefined when it refused for another reason. */
function refusedOptions(answer: ManagerAnswer): CommandError | undefined {
  const lines = causesOf(answer).map(({ field, message }) =>
    field.startsWith('identities') ? `--identity: ${message}` : `--${field}: ${message}`,
  );
  return lines.length === 0 ? undefined : usageError(tokenCreateCommand, lines.join('\n'));
}

/** Shows join tokens, without their secrets. */
export const tokenListCommand: Command = {
  name: 'token list',
  summary: 'Show the join tokens, used ones too',
  usage: 'isthmus token list [-o table|json|yaml]',
  examples: [{ command: 'isthmus token list', says: 'who may join as what, until when' }],
  options: { ...TIMED_OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  async run({ values }, context) {
    const { items } = await askFor<{ readonly items: readonly TokenInfo[] }>(asker(values, context), {
      path: '/isthmus/v1/tokens',
    });
    print(context, values, items, () => tokensTable(items, Date.now()));
    return EXIT.ok;
  },
};

/** Takes a token back. */
export const tokenRevokeCommand: Command = {
  name: 'token revoke',
  summary: 'Take a join token back before it is used',
  usage: 'isthmus token revoke <id>',
  examples: [{ command: 'isthmus token revoke 3f9c', says: 'by its id in "isthmus token list"' }],
  options: { ...OUTPUT_OPTION, ...CONNECTION_OPTIONS },
  positionals: { minimum: 1, maximum: 1 },
  async run({ values, positionals: [id = ''] }, context) {
    const path = `/isthmus/v1/tokens/${encodeURIComponent(id)}`;
    const revoked = await askFor(asker(values, context), { method: 'DELETE', path });
    print(context, values, revoked, () => `${id} revoked\n`);
    return EXIT.ok;
  },
};

function tokensTable(tokens: readonly TokenInfo[], now: number): Table {
  return {
    head: ['ID', 'HOST', 'IDENTITIES', 'STATE'],
    rows: tokens.map(token => [token.id, token.host ?? 'any', token.identities.join(' '), stateOf(token, now)]),
    empty: 'There are no tokens. Try: isthmus token create --identity "default/*"',
  };
}

function stateOf({ usedAt, usedBy, expiresAt }: TokenInfo, now: number): string {
  if (usedAt !== undefined) return `used by ${usedBy ?? 'a host'}`;
  return expiresAt <= now ? 'expired' : `good until ${new Date(expiresAt).toISOString()}`;
}
