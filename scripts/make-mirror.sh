#!/usr/bin/env bash
# Prepares Terraform's providers for a machine that reaches no provider registry.
#
#   scripts/make-mirror.sh [STATE_DIR]      (default: .txwatch)
#
# What is built is kept in TXWATCH_CACHE_DIR (default: ~/.cache/txwatch) for the next copy of this repository.
# hashicorp/aws is taken from any provider mirror already on this machine, kreuzwerker/docker is built from its Go
# module. The result is STATE_DIR/terraform.rc: point TF_CLI_CONFIG_FILE at it.
set -euo pipefail

readonly AWS_VERSION=5.100.0
readonly DOCKER_VERSION=4.5.0
readonly DOCKER_SOURCE=github.com/kreuzwerker/terraform-provider-docker
readonly DOCKER_COMMIT=v0.0.0-20260916201441-96d331c98ff4 # the commit that is released as 4.5.0
readonly DOCKER_MODULE=github.com/terraform-providers/terraform-provider-docker

state_dir=$(mkdir -p "${1:-.txwatch}" && cd "${1:-.txwatch}" && pwd)
mirror=${TXWATCH_CACHE_DIR:-$HOME/.cache/txwatch}/providers

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

platform() {
    local machine
    machine=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
    printf '%s_%s' "$(uname -s | tr '[:upper:]' '[:lower:]')" "$machine"
}

# Prints the first folder named for a registry on this machine that holds the AWS provider, unpacked or packed.
find_aws_registry() {
    local root found
    for root in "$mirror" "$HOME/.terraform.d" "$HOME/.local/share/terraform" /opt /usr/local/share /usr/share; do
        [[ -d $root ]] || continue
        found=$(find -L "$root" -maxdepth 6 -path "*/hashicorp/aws/*" \
            \( -path "*/$AWS_VERSION/$(platform)" -o -name "*_${AWS_VERSION}_$(platform).zip" \) -print -quit 2>/dev/null)
        [[ -n $found ]] && { printf '%s' "${found%/hashicorp/aws/*}"; return; }
    done
    return 1
}

# The module's path in its go.mod is not the address that it is fetched from, so it cannot be `go install`ed:
# a module of our own replaces the one by the other.
build_docker_provider() { # REGISTRY
    local target
    target=$mirror/$1/kreuzwerker/docker/$DOCKER_VERSION/$(platform)
    local binary=$target/terraform-provider-docker_v$DOCKER_VERSION
    [[ -x $binary ]] && return
    command -v go >/dev/null || fail "Go is needed to build the Docker provider: install Go >= 1.25"
    local work
    work=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder's name as it is now
    trap "rm -rf '$work'" EXIT
    cat >"$work/go.mod" <<GOMOD
module txwatch/mirror

go 1.25.8

require $DOCKER_MODULE v0.0.0-00010101000000-000000000000

replace $DOCKER_MODULE => $DOCKER_SOURCE $DOCKER_COMMIT
GOMOD
    say "building kreuzwerker/docker $DOCKER_VERSION from its Go module (some minutes the first time)"
    (cd "$work" && CGO_ENABLED=0 GOFLAGS=-mod=mod go build -trimpath -tags no_compose \
        -ldflags "-s -w -X main.version=$DOCKER_VERSION" -o "$work/provider" "$DOCKER_MODULE")
    mkdir -p "$target"
    mv "$work/provider" "$binary"
}

write_cli_config() { # AWS_MIRROR REGISTRY
    # Two blocks: a mirror does not follow links between its namespaces.
    cat >"$state_dir/terraform.rc" <<RC
provider_installation {
  filesystem_mirror {
    path    = "$1"
    include = ["$2/hashicorp/*"]
  }
  filesystem_mirror {
    path    = "$mirror"
    include = ["$2/kreuzwerker/*"]
  }
}
RC
}

aws_registry=$(find_aws_registry) || fail "no provider mirror on this machine holds hashicorp/aws $AWS_VERSION for" \
    "$(platform): put one made with 'terraform providers mirror' into $mirror"
registry=$(basename "$aws_registry")
build_docker_provider "$registry"
write_cli_config "$(dirname "$aws_registry")" "$registry"
say "providers are ready: export TF_CLI_CONFIG_FILE=$state_dir/terraform.rc"
