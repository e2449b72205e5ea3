#!/usr/bin/env bash
# Copies the CA certificates that this machine trusts beyond its distribution's own, one per file: a network that
# ends TLS itself has put its own here, and what is built inside a container has to trust it too.
#
#   scripts/local-certificates.sh TARGET_DIR
#
# They are what an administrator added (Debian's and Fedora's folders for that), and all of a bundle that SSL_CERT_FILE
# names, unless that is the distribution's.
set -euo pipefail

readonly -a ADDED=(/usr/local/share/ca-certificates /etc/pki/ca-trust/source/anchors)
readonly -a DISTRIBUTIONS=(/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem)

target=${1:?usage: local-certificates.sh TARGET_DIR}
mkdir -p "$target"

# Named for its content, so that the same certificate from two places is one file.
split() { # PEM_FILE
    local work part
    work=$(mktemp -d)
    awk -v folder="$work" '
        /-----BEGIN CERTIFICATE-----/ { number++; inside = 1 }
        inside { print > (folder "/" number) }
        /-----END CERTIFICATE-----/ { inside = 0 }' "$1"
    for part in "$work"/*; do
        [[ -f $part ]] && mv "$part" "$target/local-$(sha256sum "$part" | cut -c1-12).crt"
    done
    rm -r "$work"
}

is_distributions() { # FILE
    local bundle
    for bundle in "${DISTRIBUTIONS[@]}"; do
        [[ $(realpath -m "$1") == "$(realpath -m "$bundle")" ]] && return
    done
    return 1
}

for folder in "${ADDED[@]}"; do
    [[ -d $folder ]] || continue
    while IFS= read -r -d '' file; do split "$file"; done < <(find -L "$folder" -type f \( -name '*.crt' -o -name '*.pem' \) -print0)
done
if [[ -f ${SSL_CERT_FILE:-} ]] && ! is_distributions "$SSL_CERT_FILE"; then split "$SSL_CERT_FILE"; fi
