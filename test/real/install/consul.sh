#!/bin/sh
# consul.sh <version> <path>: builds Consul from its Go modules, which are checked against Go's checksum database. Needs Go
# 1.22.5 or later (what Consul 1.19 asks for; an older Go from 1.21 on fetches that by itself) and some 3 GB of disk while it
# builds. Two at once: the second waits for the first.
set -u
version=$1
binary=$2
say() { echo "setup: $*" >&2; }

PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin
if ! command -v go >/dev/null; then
  # Debian 13 and Ubuntu 24.04 have a Go that is new enough, Debian 12 only in backports; the check below says so.
  say "installing Debian package golang-go"
  { apt-get install --yes --no-install-recommends -q golang-go || { apt-get update -q && apt-get install --yes --no-install-recommends -q golang-go; }; } >&2
fi
have=$(go env GOVERSION 2>/dev/null | sed 's/^go//')
minor=$(echo "$have" | cut -d. -f2)
if [ "${minor:-0}" -lt 21 ]; then
  say "Consul is built from its sources and needs Go 1.22.5 or later; found ${have:-none}. Install it from https://go.dev/dl into /usr/local/go, or put a consul $version at $binary."
  exit 1
fi

mkdir -p "$(dirname "$binary")" || exit 1
exec 9>"$(dirname "$binary")/lock"
flock 9 || exit 1
[ -x "$binary" ] && exit 0
say "building Consul $version with Go $have (some 8 minutes) into $binary"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
cd "$work" || exit 1
export CGO_ENABLED=0 GOFLAGS=-mod=mod
go mod init isthmus.test/consul >&2 &&
  go get "github.com/hashicorp/consul@v$version" >&2 &&
  go build -trimpath -ldflags '-s -w' -o "$binary.part" github.com/hashicorp/consul >&2 ||
  { rm -f "$binary.part"; say "the build of Consul failed: see above. It needs the Go module proxy (go env GOPROXY)."; exit 1; }
"$binary.part" version >&2 && mv "$binary.part" "$binary"
