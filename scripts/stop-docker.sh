#!/usr/bin/env bash
# Stops the Docker engine that scripts/start-docker.sh started, and no other.
#
#   scripts/stop-docker.sh [STATE_DIR]      (default: .txwatch)
set -euo pipefail

readonly STOP_SECONDS=60

pid_file=${1:-.txwatch}/dockerd.pid
[[ -f $pid_file ]] || exit 0
pid=$(cat "$pid_file")
if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]]; then
    kill "$pid"
    for ((second = 0; second < STOP_SECONDS; second++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 1
    done
    kill -0 "$pid" 2>/dev/null && { echo "error: the Docker engine (pid $pid) did not stop" >&2; exit 1; }
fi
rm -f "$pid_file"
