#!/usr/bin/env bash
# Sets up the cluster when PGDATA is empty, then becomes the command: the official image's contract.
#
# POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB and POSTGRES_INITDB_ARGS may each be given as NAME_FILE instead.
set -Eeuo pipefail

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Sets NAME from NAME_FILE or to DEFAULT: from_file_or NAME [DEFAULT]
from_file_or() {
    local name=$1 file=$1_FILE
    [[ -n ${!name:-} && -n ${!file:-} ]] && fail "$name and $file are both set: keep one"
    if [[ -n ${!file:-} ]]; then
        printf -v "$name" '%s' "$(<"${!file}")"
    else
        printf -v "$name" '%s' "${!name:-${2:-}}"
    fi
    export "${name?}"
    unset "$file"
}

initialise() {
    [[ -n $POSTGRES_PASSWORD || ${POSTGRES_HOST_AUTH_METHOD:-} == trust ]] \
        || fail "POSTGRES_PASSWORD is not set: the superuser needs one"
    # Word splitting is meant: the variable holds several options.
    # shellcheck disable=SC2086
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --encoding=UTF8 --locale=C.UTF-8 $POSTGRES_INITDB_ARGS
    printf 'host all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
}

run_init_scripts() {
    local script
    local -a psql=(psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER")
    if [[ $POSTGRES_DB != postgres ]]; then
        "${psql[@]}" --dbname postgres -v name="$POSTGRES_DB" <<<'create database :"name"'
    fi
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
            *.sh) if [[ -x $script ]]; then "$script"; else
                # shellcheck disable=SC1090  # scripts of whoever runs the image
                . "$script"
            fi ;;
            *.sql) "${psql[@]}" --dbname "$POSTGRES_DB" -f "$script" ;;
            *.sql.gz) gunzip -c "$script" | "${psql[@]}" --dbname "$POSTGRES_DB" ;;
        esac
    done
}

set_up() {
    initialise
    # Without TCP, so that a health check over TCP does not pass before all is done.
    PGPASSWORD=$POSTGRES_PASSWORD pg_ctl -w start -o "-c listen_addresses=''"
    export PGPASSWORD=$POSTGRES_PASSWORD
    run_init_scripts
    unset PGPASSWORD
    pg_ctl -w -m fast stop
}

[[ ${1:0:1} == - ]] && set -- postgres "$@"
if [[ ${1:-} == postgres ]]; then
    [[ $(id -u) -ne 0 ]] || fail "Postgres does not run as root: start the container as user 999"
    from_file_or POSTGRES_PASSWORD
    from_file_or POSTGRES_USER postgres
    from_file_or POSTGRES_DB "$POSTGRES_USER"
    from_file_or POSTGRES_INITDB_ARGS
    [[ -s $PGDATA/PG_VERSION ]] || set_up
    unset POSTGRES_PASSWORD
    set -- postgres -c "listen_addresses=*" "${@:2}"
fi
exec "$@"
