#!/usr/bin/env bash
# Makes the Debian image that all of ours stand on: pulled where a registry answers, else made with debootstrap.
#
#   scripts/make-base-image.sh TAG          for example txwatch/debian:trixie
set -euo pipefail

readonly SUITE=trixie
readonly OFFICIAL=debian:$SUITE-slim
tag=${1:?usage: make-base-image.sh TAG}

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

bootstrap() {
    command -v debootstrap >/dev/null \
        || fail "$OFFICIAL cannot be pulled here and debootstrap is not installed: apt-get install debootstrap"
    [[ $(id -u) -eq 0 ]] || fail "$OFFICIAL cannot be pulled here, and debootstrap needs root: run 'sudo make images'"
    local work root
    work=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder's name as it is now
    trap "rm -rf '$work'" EXIT
    root=$work/root
    debootstrap --variant=minbase "$SUITE" "$root" >"$work/log" 2>&1 \
        || { tail -n 5 "$work/log" >&2; fail "debootstrap failed; its log's end is above"; }
    # What the official slim image leaves out as well: it is half of the size and nothing reads it.
    find "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/info" "$root/usr/share/locale" \
        -mindepth 1 -delete
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*
    printf 'path-exclude /usr/share/%s/*\n' doc man info locale >"$root/etc/dpkg/dpkg.cfg.d/slim"
    tar -C "$root" --numeric-owner -c . | docker import --change 'CMD ["bash"]' - "$tag" >/dev/null
}

docker image inspect "$tag" >/dev/null 2>&1 && exit 0
if timeout 120 docker pull --quiet "$OFFICIAL" >/dev/null 2>&1; then
    docker tag "$OFFICIAL" "$tag"
else
    say "$OFFICIAL cannot be pulled: making it with debootstrap"
    bootstrap
fi
