import { isRecord } from '../model/util/fields.ts';
import type { ManagerAnswer, ManagerRequest } from './client.ts';
import { type CommandArguments, type CommandContext, CommandError } from './command.ts';
import { addressOf } from './options.ts';

/** One cause of a refusal: a field and what is wrong with it. */
export interface RefusedField {
  readonly field: string;
  readonly message: string;
}

/** Asks the Manager that the options name, and resolves to what it answers, errors too. */
export type Ask = (request: ManagerRequest) => Promise<ManagerAnswer>;

/** Opens the Manager that the options name. What it answers with throws a {@link CommandError} where our token is not its own. */
export function asker(values: CommandArguments['values'], context: CommandContext): Ask {
  const address = addressOf(values);
  const client = context.connect(address);
  return async request => {
    const answer = await client.request(request, context.signal);
    if (answer.status !== 401 || address.tokenFile === undefined) return answer;
    throw new CommandError(`The token in ${address.tokenFile} is not that of the Manager at ${address.url}`, {
      next: 'a new copy of admin-token in the state directory of that Manager',
    });
  };
}

/** Asks and resolves to the body. @throws {CommandError} when the Manager refuses. */
export async function askFor<T>(ask: Ask, request: ManagerRequest): Promise<T> {
  const answer = await ask(request);
  if (answer.status >= 400) throw refusal(answer);
  return answer.body as T;
}

/** What a refusal says, with a line for each field. */
export function refusal(answer: ManagerAnswer): CommandError {
  const causes = causesOf(answer);
  if (causes.length === 0) return new CommandError(messageOf(answer));
  return new CommandError(causes.map(({ field, message }) => `${field}: ${message}`).join('\n'));
}

/** The fields that a refusal names. */
export function causesOf({ body }: ManagerAnswer): readonly RefusedField[] {
  const details = isRecord(body) && isRecord(body['details']) ? body['details'] : {};
  return Array.isArray(details['causes']) ? (details['causes'] as RefusedField[]) : [];
}

function messageOf({ status, body }: ManagerAnswer): string {
  const message = isRecord(body) ? body['message'] : undefined;
  return typeof message === 'string' ? message : `The Manager answered with status ${status}`;
}
