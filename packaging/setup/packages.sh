#!/bin/sh
# Installs the npm packages when node_modules is not what package-lock.json asks for. Runs on any Node from 18 on.
set -u
cd "$(dirname "$0")/../.." || exit 2
complete() { node packaging/setup/packages.mjs; }
install() {
  # npm waits for minutes between its tries unless told otherwise, and says nothing.
  npm ci --include=dev --include=optional --no-audit --no-fund --loglevel=error \
    --fetch-retries=3 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 >&2 || {
    echo "setup: npm ci failed: see above. It needs the npm registry (npm config get registry) and about 500 MB of disk." >&2
    exit 1
  }
}
link() {
  # npm 9 and 10 leave this link out, because the packages of two platforms bring a program of the same name.
  for node in node_modules/node-linux-*/bin/node; do
    [ -e node_modules/.bin/node ] || [ ! -x "$node" ] || ln -s "../${node#node_modules/}" node_modules/.bin/node
  done
}
if ! complete; then
  echo "setup: installing the npm packages of package-lock.json (npm ci)" >&2
  install
fi
link
version() { PATH=$PWD/node_modules/.bin:$PATH node --version 2>&1; }
have=$(version)
# A small Debian or Ubuntu does not bring along the library that Node 26 stands on.
case $have in
  *libatomic*)
    echo "setup: installing the Debian package libatomic1, which Node 26 needs" >&2
    # The lists of a fresh machine are empty; only then are they fetched.
    install="apt-get install --yes --no-install-recommends -q libatomic1"
    export DEBIAN_FRONTEND=noninteractive
    $install >&2 || { apt-get update -q >&2 && $install >&2; } || {
      echo "setup: Node 26 needs the library libatomic.so.1; install it first: sudo apt-get install libatomic1" >&2
      exit 1
    }
    have=$(version)
    ;;
esac
case $have in
  v2[6-9].* | v[3-9][0-9].*) ;;
  *)
    echo "setup: Isthmus needs Node 26 and found $have: npm has a Node 26 for Linux on x64 and arm64 only; install it yourself here." >&2
    exit 1
    ;;
esac
# npm leaves out programs that the Node it runs on is too old for, such as that of Debian 12, though they are for Node 26.
if ! (PATH=$PWD/node_modules/.bin:$PATH && complete); then
  echo "setup: installing the npm packages once more, with Node 26: the Node of this machine is too old for some (npm ci)" >&2
  # npm empties node_modules, where Node 26 lies.
  apart=$(mktemp -d) || exit 1
  trap 'rm -rf "$apart"' EXIT
  cp node_modules/.bin/node "$apart/node" || exit 1
  (PATH=$apart:$PATH && export PATH && export NODE_NO_WARNINGS=1 && install) || exit 1
  link
fi
