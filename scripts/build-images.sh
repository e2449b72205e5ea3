#!/usr/bin/env bash
# Builds the images whose content changed, and tells Terraform their tags.
#
#   scripts/build-images.sh [STATE_DIR] [IMAGE...]     (default: .txwatch, all images)
#
# A tag is the hash of all that goes in: the Dockerfile, the base, every file that it copies. So an image is built
# once per content, and Terraform replaces exactly the containers whose image changed.
# EXTRA_CA_DIR: a folder of CA certificates (*.crt, one per file) that the build and the images should trust; unset:
# those that were added to this machine's own.
set -euo pipefail
cd "$(dirname "$0")/.."

umask 022 # modes are part of the images and of their hashes

readonly DEBIAN=txwatch/debian:trixie
readonly -a ALL_IMAGES=(kafka postgres localstack spark airflow txwatch)
# The classic builder is on every engine; BuildKit is a plugin that need not be.
export DOCKER_BUILDKIT=0

state_dir=${1:-.txwatch}
shift $(($# > 0 ? 1 : 0))
images=("$@")
((${#images[@]})) || images=("${ALL_IMAGES[@]}")

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
exists() { docker image inspect "$1" >/dev/null 2>&1; }

# Hashes names, modes and contents of files and folders, leaving out what .dockerignore leaves out.
hash_of() { # SALT PATH...
    local salt=$1
    shift
    {
        echo "$salt"
        find "$@" \( -name __pycache__ -o -path dbt/target -o -path dbt/logs \) -prune -o -type f -printf '%m %p\n' | LC_ALL=C sort
        find "$@" \( -name __pycache__ -o -path dbt/target -o -path dbt/logs \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 cat
    } | sha256sum | cut -c1-12
}

# Prints what a Dockerfile copies from this repository.
copied_by() { # DOCKERFILE
    awk '$1 == "COPY" && $2 !~ /^--from/ { for (i = 2; i < NF; i++) if ($i !~ /^--/) print $i }' "$1"
}

build() { # IMAGE TAG CONTEXT DOCKERFILE [BUILD_ARG]
    local name=$1 tag=$2 context=$3 dockerfile=$4 log=$state_dir/build-$1.log started=$SECONDS
    exists "$tag" && return
    say "building $tag"
    docker build --quiet --force-rm -t "$tag" -f "$dockerfile" --build-arg "BASE=$5" \
        --label "org.opencontainers.image.version=${tag#*:}" "$context" >"$log" 2>&1 \
        || { tail -n 30 "$log" >&2; fail "the $name image could not be built; the log's end is above ($log)"; }
    say "built $tag: $((SECONDS - started)) s, $(docker image inspect -f '{{.Size}}' "$tag" | numfmt --to=si)B"
}

build_base() {
    local context=$state_dir/base-context
    rm -rf "$context"
    mkdir -p "$context/extra-ca"
    cp services/images/base/* "$context/"
    if [[ -n ${EXTRA_CA_DIR:-} ]]; then
        compgen -G "$EXTRA_CA_DIR/*.crt" >/dev/null || fail "EXTRA_CA_DIR=$EXTRA_CA_DIR holds no *.crt file"
        cp "$EXTRA_CA_DIR"/*.crt "$context/extra-ca/"
    else
        scripts/local-certificates.sh "$context/extra-ca"
    fi
    scripts/make-base-image.sh "$DEBIAN"
    base=txwatch/base:$(cd "$context" && hash_of "$(docker image inspect -f '{{.Id}}' "$DEBIAN")" .)
    build base "$base" "$context" "$context/Dockerfile" "$DEBIAN"
}

build_image() { # NAME; prints the tag
    local dockerfile=services/images/$1/Dockerfile tag
    local -a sources
    mapfile -t sources < <(copied_by "$dockerfile")
    tag=txwatch/$1:$(hash_of "$base" "$dockerfile" "${sources[@]}")
    build "$1" "$tag" . "$dockerfile" "$base"
    echo "$tag"
}

mkdir -p "$state_dir"
build_base
# All at once: most of a build is waiting for packages. Each in a process group, all of which Ctrl-C ends.
set -m
builds=()
end_builds() { for build in "${builds[@]}"; do kill -- "-$build" 2>/dev/null || true; done; }
trap 'end_builds; exit 130' INT TERM
for name in "${images[@]}"; do
    build_image "$name" >"$state_dir/tag-$name" &
    builds+=("$!")
done
failed=
for index in "${!images[@]}"; do
    wait "${builds[index]}" || failed=yes # each has said why
done
[[ -z $failed ]] || exit 1
for name in "${images[@]}"; do
    printf '%s\t%s\n' "$name" "$(cat "$state_dir/tag-$name")"
done
