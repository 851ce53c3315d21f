#!/usr/bin/env bash
# ./run.sh [--once] [FILE]
# Builds Telecine, starts a server, transcodes FILE (or a synthesised clip) into a ladder, shows
# the outputs and keeps serving. With --once it stops after the job and exits 0 only if it
# succeeded.
#
# TELECINE_LISTEN (127.0.0.1:8080) and TELECINE_DATA (./telecine-data) choose where it runs.
set -euo pipefail
cd "$(dirname "$0")"

once=0
clip=""
for argument in "$@"; do
  case "$argument" in
    --once) once=1 ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "run.sh: unknown option $argument; see ./run.sh --help" >&2; exit 2 ;;
    *) clip=$argument ;;
  esac
done
if [ -n "$clip" ] && [ ! -f "$clip" ]; then
  echo "run.sh: there is no file $clip" >&2
  exit 2
fi

./build.sh
listen=${TELECINE_LISTEN:-127.0.0.1:8080}
data=${TELECINE_DATA:-./telecine-data}
server="http://$listen"
telecine=build/telecine
# Names the scripts' own settings; the program reads flags here.
unset TELECINE_LISTEN TELECINE_DATA

scratch=$(mktemp -d)
server_pid=""
finish() {
  [ -z "$server_pid" ] || { kill "$server_pid" 2>/dev/null && wait "$server_pid" || true; }
  rm -rf "$scratch"
}
trap finish EXIT

$telecine serve --data "$data" --listen "$listen" --log-level warning &
server_pid=$!
for _ in $(seq 300); do
  kill -0 "$server_pid" 2>/dev/null || { server_pid=""; exit 1; }
  if $telecine list --server "$server" --data "$data" --json >/dev/null 2>&1; then break; fi
  sleep 0.1
done

if [ -z "$clip" ]; then
  clip="$scratch/sample.mp4"
  echo "No file given: making a 20 s clip with sound"
  $telecine sample "$clip"
fi
status=0
$telecine submit "$clip" --template ladder --wait --server "$server" --data "$data" || status=$?

if [ "$once" = 1 ]; then exit "$status"; fi
echo
echo "Serving on $server; the access key is in $data/first.key. Ctrl-C stops."
wait "$server_pid" || true
server_pid=""
exit "$status"
