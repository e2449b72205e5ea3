#!/usr/bin/env bash
# Starts a Docker engine where none answers, and waits for it; does nothing where one does.
#
#   scripts/start-docker.sh [STATE_DIR]     (default: .txwatch)
#
# The process id of an engine that was started here is kept in STATE_DIR/dockerd.pid for scripts/stop-docker.sh.
set -euo pipefail

readonly START_SECONDS=60

state_dir=$(mkdir -p "${1:-.txwatch}" && cd "${1:-.txwatch}" && pwd)
log=$state_dir/dockerd.log

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
answers() { docker version >/dev/null 2>&1; }

answers && exit 0
command -v dockerd >/dev/null || fail "no Docker engine answers and none is installed: install Docker"
[[ $(id -u) -eq 0 ]] || fail "no Docker engine answers: start it (for example 'sudo systemctl start docker')"

# An engine that was killed leaves its pid file; the number may since belong to another process.
rm -f /var/run/docker.pid
setsid dockerd >>"$log" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$state_dir/dockerd.pid"
for ((second = 0; second < START_SECONDS; second++)); do
    answers && { say "Docker engine started (pid $pid, log $log)"; exit 0; }
    kill -0 "$pid" 2>/dev/null || break
    sleep 1
done
tail -n 20 "$log" >&2
fail "the Docker engine did not come up within $START_SECONDS s; its log's end is above ($log)"
