import { readFileSync } from 'node:fs';
import { type Command, EXIT } from '../../manager/cli/command.ts';

/** Version of this package. */
export function isthmusVersion(): string {
  const read = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(read) as { version: string }).version;
}

export const versionCommand: Command = {
  name: 'version',
  summary: 'Print the versions of Isthmus and of the Node that runs it',
  usage: 'isthmus version [--output json]',
  examples: [{ command: 'isthmus version', says: 'what is installed here' }],
  options: {
    output: { type: 'string', short: 'o', choices: ['text', 'json'], default: 'text', summary: 'how to print it' },
  },
  async run({ values }, { stdout }) {
    const versions = { isthmus: isthmusVersion(), node: process.versions.node };
    stdout.write(
      values['output'] === 'json'
        ? `${JSON.stringify(versions)}\n`
        : `isthmus ${versions.isthmus} on Node ${versions.node}\n`,
    );
    return EXIT.ok;
  },
};
