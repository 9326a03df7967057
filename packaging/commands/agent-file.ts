import { join } from 'node:path';
import { isMap, parseDocument } from 'yaml';
import { CommandError, EXIT } from '../../manager/cli/command.ts';
import { describeFieldError } from '../../manager/model/util/errors.ts';
import { Fields } from '../../manager/model/util/fields.ts';
import { kinds } from '../../platforms/index.ts';
import { type AgentConfig, readAgentConfig } from '../config/agent.ts';
import { configText, readConfigFile, readConfigText } from './daemon.ts';

const NAME = 'agent.yaml';
const HEAD = '# Written by isthmus join. All that can be said here: README.md, "The agent\'s file".\n';

/** What a host is in the mesh, as far as its file must say it. */
interface Facts {
  readonly host: string;
  readonly address: string;
}

/** What `agent.yaml` will say once the host has joined. */
export interface AgentFile {
  readonly path: string;
  readonly config: AgentConfig;
  /** To be written; undefined when the file says all of it already. */
  readonly text: string | undefined;
}

/** Reads `agent.yaml`. @throws {CommandError} with every wrong field at its line. */
export function readAgentFile(configDir: string): Promise<AgentConfig> {
  return readConfigFile(configDir, NAME, read);
}

/**
 * Settles what `agent.yaml` will say, and checks it as `isthmus agent` will: a token is good once, so whatever may be wrong is found
 * before it is used. A file that is there is kept; what it does not say of the two facts is added to it.
 * @param given by the person; must agree with the file.
 * @param preset for what neither the person nor the file says.
 * @throws {CommandError}
 */
export async function planAgentFile(
  configDir: string,
  given: Readonly<Partial<Record<keyof Facts, string | undefined>>>,
  preset: { readonly host: string; readonly address: () => string | Promise<string> },
): Promise<AgentFile> {
  const path = join(configDir, NAME);
  const before = await configText(path);
  const document = parseDocument(before ?? HEAD);
  const isWhole = document.errors.length === 0 && (document.contents === null || isMap(document.contents));
  const said = (name: keyof Facts): string | undefined => {
    const value: unknown = isWhole ? document.get(name) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  const facts = {
    host: given.host ?? said('host') ?? preset.host,
    address: given.address ?? said('address') ?? (await preset.address()),
  };
  checkFacts(facts, said);
  const missing = isWhole ? (['host', 'address'] as const).filter(name => !document.has(name)) : [];
  for (const name of missing) document.set(name, facts[name]);
  const text = missing.length > 0 ? String(document) : undefined;
  const config = readConfigText(text ?? before ?? '', path, read);
  if (config.host !== facts.host || config.address !== facts.address)
    throw new CommandError(
      `${path} says that this host is "${config.host}" at ${config.address}, and you say "${facts.host}" at ${facts.address}`,
      { next: `--host ${config.host} --address ${config.address}, or change the file` },
    );
  return { path, config, text };
}

function read(fields: Fields): AgentConfig {
  return readAgentConfig(fields, [...kinds.keys()]);
}

/** Of what did not come from the file, where it would be named by its line. */
function checkFacts(facts: Facts, said: (name: keyof Facts) => string | undefined): void {
  const fields = new Fields(facts, '');
  read(fields);
  const wrong = fields.errors.filter(({ path }) => facts[path as keyof Facts] !== said(path as keyof Facts));
  if (wrong.length === 0) return;
  const lines = wrong.map(error => describeFieldError({ ...error, path: `--${error.path}` }));
  throw new CommandError(lines.join('\n'), { exitCode: EXIT.usage });
}
