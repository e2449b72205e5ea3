#!/usr/bin/env bash
# Pin what pyproject.toml asks for: one hashed requirements file per extra, the same versions in all of them.
# usage: scripts/compile-requirements.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."
# Addresses belong to the machine that installs, never to the files.
unset PIP_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL UV_FIND_LINKS UV_INDEX_URL UV_INDEX UV_DEFAULT_INDEX

compile() { # <output> <uv options...>
  local output=requirements/$1.txt
  shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
    --no-emit-index-url --no-emit-find-links --output-file "$output" "$@"
}

compile uv --group pyproject.toml:bootstrap "$@"
compile dev pyproject.toml --extra dev "$@"
for extra in generator stream warehouse operations console dashboards embedded; do
  compile "$extra" pyproject.toml --extra "$extra" --constraints requirements/dev.txt "$@"
done
# Not held to the same versions: dbt wants older ones, which is why it has an environment of its own.
compile transform pyproject.toml --extra transform "$@"
