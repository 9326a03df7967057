import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { type LogFields, type Logger, silentLogger } from '../../manager/model/util/log.ts';
import { makeFolder } from '../../test/folders.ts';
import { EnvoyBinaryError, findEnvoy } from './binary.ts';

const NEVER = new AbortController().signal;

async function program(path: string, version: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "envoy  version: 9e55/${version}/Clean/RELEASE/BoringSSL"\n`);
  await chmod(path, 0o755);
  return path;
}

async function within(run: (folder: string, log: Logger, warnings: LogFields[]) => Promise<void>): Promise<void> {
  const folder = makeFolder('binary');
  const warnings: LogFields[] = [];
  const log = { ...silentLogger, warn: (_message: string, fields: LogFields = {}) => void warnings.push(fields) };
  try {
    await run(folder, log, warnings);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a configured Envoy is taken if it is of the right version, and nothing else is', async t => {
  await within(async (folder, log) => {
    const right = await program(join(folder, 'right'), '1.40.0');
    const old = await program(join(folder, 'old'), '1.39.2');
    const options = { cacheDir: folder, path: folder, log };
    t.is(await findEnvoy({ ...options, configured: right }, NEVER), right);
    await t.throwsAsync(findEnvoy({ ...options, configured: old }, NEVER), {
      instanceOf: EnvoyBinaryError,
      message: `Cannot use the configured Envoy ${old}: it is version 1.39.2; Isthmus needs 1.40.0. To mend: name such a one as envoy.path in agent.yaml, or remove the field to have one found or fetched`,
    });
    await t.throwsAsync(findEnvoy({ ...options, configured: join(folder, 'none') }, NEVER), {
      message: /there is no such file/,
    });
  });
});

test('the first Envoy of the right version on the PATH is taken', async t => {
  await within(async (folder, log, warnings) => {
    const old = await program(join(folder, 'a', 'envoy'), '1.39.2');
    const right = await program(join(folder, 'b', 'envoy'), '1.40.0');
    const path = ['empty', 'a', 'b'].map(name => join(folder, name)).join(':');
    t.is(await findEnvoy({ path, cacheDir: folder, log }, NEVER), right);
    t.deepEqual(warnings, [{ path: old, reason: 'it is version 1.39.2' }]);
  });
});

test('a cached program that is not the pinned one is passed over', async t => {
  await within(async (folder, log, warnings) => {
    const cached = await program(join(folder, 'envoy-1.40.0', 'envoy'), '1.40.0');
    const error = await t.throwsAsync(findEnvoy({ cacheDir: folder, log }, AbortSignal.abort(new Error('enough'))));
    t.regex(error?.message ?? '', /enough/);
    t.is(warnings[0]?.['path'], cached);
    t.regex(String(warnings[0]?.['reason']), /^its SHA-256 is [0-9a-f]{64}, not 8aa137a7/);
  });
});
