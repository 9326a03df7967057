#!/bin/sh
# Makes sure of the npm packages, among them Node itself, then runs a program of ours: run.sh <file.ts> [arguments].
# Says what it does on standard error: standard output belongs to the program.
set -u
cd "$(dirname "$0")/../.." || exit 2
sh packaging/setup/packages.sh || exit 1
# Not every shell has the folders of the system's own programs on its path.
PATH=$PWD/node_modules/.bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
exec node --disable-warning=ExperimentalWarning "$@"
