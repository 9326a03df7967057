#!/bin/sh
# supervise.sh <folder> <program> [arguments]: runs the program as its input says, line by line: `start`, `kill`. Answers
# `started <pid>` and `killed`. Its input is a pipe held by the test; when that ends, however the test ended, it kills the
# program and removes the folder.
set -u
folder=$1
shift
child=
trap '' INT TERM HUP
stop() {
  [ -z "$child" ] && return
  kill -9 "$child" 2>/dev/null
  wait "$child" 2>/dev/null
  child=
}
while read -r command; do
  case $command in
    start)
      "$@" </dev/null >>"$folder/log" 2>&1 &
      child=$!
      echo "started $child"
      ;;
    kill)
      stop
      echo killed
      ;;
  esac
done
stop
rm -rf "$folder"
