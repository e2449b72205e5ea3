#!/usr/bin/env bash
# Pins what the images of other projects' Python programs install: requirements/{localstack,airflow}.txt, hashed.
# usage: scripts/compile-image-requirements.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."

# The image's Python, Debian trixie's.
readonly PYTHON=3.13
# LocalStack 4.14.0 does not pin what it stands on and breaks on what came later.
readonly LOCALSTACK_RELEASED_AT=2026-02-26T12:00:00Z

# Addresses belong to the machine that installs, never to the files.
unset PIP_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL UV_FIND_LINKS UV_INDEX_URL UV_INDEX UV_DEFAULT_INDEX

compile() { # IMAGE [UV_OPTION...]
    uv pip compile --quiet --generate-hashes --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --output-file "requirements/$1.txt" \
        "services/images/$1/requirements.in" "${@:2}"
}

compile localstack --python-version "$PYTHON" --python-platform linux --exclude-newer "$LOCALSTACK_RELEASED_AT" "$@"
# Airflow also runs without its image (`make airflow`), on any Python that this package runs on; its tasks are
# verbs of txwatch, in the same environment.
compile airflow pyproject.toml --extra operations --universal --python-version 3.11 "$@"
