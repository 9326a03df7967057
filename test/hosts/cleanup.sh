#!/bin/sh
# cleanup.sh <network id>: waits for the end of its input, then removes all that carries the id: processes inside its
# namespaces and programs in its folder, the namespaces, their files. Its input is a pipe held by the process that made the network, so it ends when
# that process ends, however that happens.
set -u
id=$1
cat >/dev/null
trap '' INT TERM HUP
tries=0
while [ $tries -lt 100 ]; do
  left=
  for path in /run/netns/"$id".*; do
    [ -e "$path" ] || continue
    pids=$(ip netns pids "${path##*/}" 2>/dev/null)
    [ -z "$pids" ] || { left=1; kill -9 $pids 2>/dev/null; }
  done
  [ -n "$left" ] || break
  tries=$((tries + 1))
  sleep 0.02
done
# An Envoy is started by its name in the folder, and has no parent that could end it.
for process in /proc/[0-9]*; do
  read -r command 2>/dev/null <"$process/cmdline" || [ -n "${command-}" ] || continue
  case $command in "/tmp/$id/"*) kill -9 "${process##*/}" 2>/dev/null ;; esac
  command=
done
for path in /run/netns/"$id".*; do
  [ -e "$path" ] || continue
  # Two sweeps may meet here; only what stays is worth a word.
  ip netns del "${path##*/}" 2>/dev/null || [ ! -e "$path" ] || echo "cannot remove $path" >&2
done
# An Envoy that is killed leaves the memory that it shares with the one to take over; its name is ten times the base id.
for file in "/tmp/$id"/*/run/envoy/base-id "/tmp/$id"/envoy/base-id; do
  read -r base 2>/dev/null <"$file" || [ -n "${base-}" ] || continue
  case $base in '' | *[!0-9]*) ;; *) rm -f "/dev/shm/envoy_shared_memory_${base}0" ;; esac
  base=
done
rm -rf /etc/netns/"$id".* "/tmp/$id"
rmdir /etc/netns 2>/dev/null
exit 0
