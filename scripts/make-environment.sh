#!/usr/bin/env bash
# Make the Python environment that requirements/ pins, anew only when they or the package's metadata change.
# usage: scripts/make-environment.sh <folder> [<requirements>]
#   requirements: dev (the default, with this package), transform (dbt) or airflow, which find this package by its path
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
set=${2:-dev}

find_python() {
  local candidate
  for candidate in python3.13 python3.12 python3.11 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "error: no Python 3.11, 3.12 or 3.13 found on the PATH: install one (Debian: apt-get install python3-venv)" >&2
  exit 1
}

content=$(cat requirements/uv.txt "requirements/$set.txt" pyproject.toml | cksum)
stamp="$content $PWD"
before=$(cat "$venv/.stamp" 2>/dev/null || true)
if [ "$before" = "$stamp" ]; then
  exit 0
fi

# What was moved or left half made is made anew; an older one is brought up to date, package by package.
if [ "${before##* }" != "$PWD" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
  python=$(find_python)
  echo "making the environment in $venv ..." >&2
  rm -rf "$venv"
  if ! "$python" -m venv "$venv"; then
    echo "error: $python cannot make an environment: install its venv module (Debian: apt-get install python3-venv)" >&2
    exit 1
  fi
fi
rm -f "$venv/.stamp"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt

# As pip does: a network that checks TLS itself has its certificate in the machine's store.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
# uv does not read pip's setting of a package mirror.
if [ -n "${PIP_INDEX_URL:-}" ]; then
  export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
fi
export VIRTUAL_ENV=$PWD/$venv
quiet=(--quiet)
[ -t 2 ] && quiet=() # a person may watch the downloads
"$venv/bin/uv" pip sync "${quiet[@]}" --require-hashes "requirements/$set.txt" requirements/uv.txt
if [ "$set" = dev ]; then
  "$venv/bin/uv" pip install "${quiet[@]}" --no-deps --no-build-isolation --editable .
fi
echo "$stamp" >"$venv/.stamp"
