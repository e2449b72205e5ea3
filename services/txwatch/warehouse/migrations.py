"""Brings a server to the warehouse's schema: the SQL files of services/warehouse, each once, in order."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg2
import structlog

from txwatch.errors import TxwatchError, UnavailableError, UsageError
from txwatch.postgres import Connection, connect
from txwatch.settings import SERVICES_DIR, Settings
from txwatch.warehouse.roles import OWNER, provide_database, provide_roles

MIGRATIONS_DIR = SERVICES_DIR / "warehouse"
LOCK_KEY = 0x7478_6D69  # "txmi"; advisory locks share one number space on a database
LOCK_TIMEOUT_SECONDS = 60

_FILE_NAME = re.compile(r"^(\d{3})_[a-z0-9_]+\.sql$")
_RECORD = """
create schema if not exists ops;
create table if not exists ops.schema_migration (
    name       text primary key,
    checksum   text not null,
    applied_at timestamptz not null default now()
);
"""

log = structlog.get_logger()


@dataclass(frozen=True)
class Migration:
    """One SQL file, and the checksum by which a later change of it is noticed."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


def migrate(settings: Settings, admin: Mapping[str, Any], folder: Path = MIGRATIONS_DIR) -> list[str]:
    """Make roles, database and schema what this txwatch needs; safe to call again and by several at once.

    Roles and passwords are set each time from the settings. Files are applied as `warehouse_owner`, so that
    it owns every object, each in a transaction of its own: a failing file leaves nothing of itself behind.

    Args:
        settings: host, port and database of the warehouse, and the password of every role.
        admin: `psycopg2.connect` keyword arguments of a superuser, in any database of the same server.
        folder: where the `NNN_<what>.sql` files lie.

    Returns:
        The names of the files applied by this call, in order.

    Raises:
        UsageError: an applied file was changed, is gone, or a new one sorts before it.
        UnavailableError: the server does not answer, or another migration holds the lock.
        TxwatchError: a file's SQL fails.
    """
    migrations = read_migrations(folder)
    with closing(connect(admin)) as server:
        server.autocommit = True
        with _exclusive(server):
            provide_roles(server, settings)
            provide_database(server, settings.postgres_database)
            with closing(connect(settings.postgres(OWNER))) as warehouse:
                return _apply(warehouse, migrations)


def read_migrations(folder: Path) -> list[Migration]:
    """Read a folder's migrations, in order.

    Raises:
        UsageError: a file's name is not `NNN_<what>.sql`, two share a number, or there are none.
    """
    paths = sorted(folder.glob("*.sql"))
    numbers = [match[1] for path in paths if (match := _FILE_NAME.match(path.name))]
    if len(numbers) != len(paths) or len(set(numbers)) != len(numbers) or not paths:
        found = ", ".join(path.name for path in paths) or "none"
        raise UsageError(
            f"{folder} must hold SQL files named NNN_<what>.sql with distinct numbers; it holds: {found}"
        )
    return [Migration(path.name, path.read_text()) for path in paths]


def pending(migrations: Sequence[Migration], applied: Mapping[str, str]) -> list[Migration]:
    """Say which migrations are still to be applied.

    Args:
        migrations: all of them, in order.
        applied: the checksum of each file already applied, by name.

    Raises:
        UsageError: what was applied is not the beginning of `migrations`, unchanged.
    """
    known = {migration.name for migration in migrations}
    for name in sorted(applied):
        if name not in known:
            raise UsageError(
                f"{name} was applied to this database but is gone: bring it back, or use a newer txwatch"
            )
    for migration in migrations:
        checksum = applied.get(migration.name)
        if checksum is not None and checksum != migration.checksum:
            raise UsageError(
                f"{migration.name} was changed after it was applied: restore it and put the change into a "
                "new file (or start over with an empty database: `make clean`)"
            )
    todo = [migration for migration in migrations if migration.name not in applied]
    last = max(applied, default="")
    if todo and todo[0].name < last:
        raise UsageError(
            f"{todo[0].name} sorts before {last}, which is applied already: give it a higher number"
        )
    return todo


@contextmanager
def _exclusive(server: Connection) -> Iterator[None]:
    """Hold the migration lock; it goes with the connection, so a killed run never leaves it behind."""
    with server.cursor() as cursor:
        cursor.execute("set lock_timeout = %s", (f"{LOCK_TIMEOUT_SECONDS}s",))
        try:
            cursor.execute("select pg_advisory_lock(%s)", (LOCK_KEY,))
        except psycopg2.errors.LockNotAvailable:
            raise UnavailableError(
                f"another migration has been running for {LOCK_TIMEOUT_SECONDS} s: wait for it, or end it, "
                "and retry"
            ) from None
    yield


def _apply(warehouse: Connection, migrations: Sequence[Migration]) -> list[str]:
    with warehouse, warehouse.cursor() as cursor:
        cursor.execute(_RECORD)
        cursor.execute("select name, checksum from ops.schema_migration")
        todo = pending(migrations, dict(cursor.fetchall()))
    for migration in todo:
        _apply_one(warehouse, migration)
    return [migration.name for migration in todo]


def _apply_one(warehouse: Connection, migration: Migration) -> None:
    try:
        with warehouse, warehouse.cursor() as cursor:
            cursor.execute(migration.text)
            cursor.execute(
                "insert into ops.schema_migration (name, checksum) values (%s, %s)",
                (migration.name, migration.checksum),
            )
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise TxwatchError(
            f"{migration.name} failed and was rolled back ({reason}): correct it and run again"
        ) from error
    log.info("migration applied", migration=migration.name)
