#!/bin/sh
# The quick loop: format, lint, types, unit tests, in under a minute. Arguments choose test files; the first failure is the exit code.
set -u
cd "$(dirname "$0")/../.." || exit 2
PATH=$PWD/node_modules/.bin:$PATH
export PATH
biome check --diagnostic-level=error . & biome=$!
tsc & types=$!
wait $biome || exit 1
wait $types || exit 1
oxlint --type-aware --quiet . || exit 1
exec ava "$@"
