"""The roles and the database that the warehouse's SQL files take for granted.

They belong to the server and not to one database, need a superuser, and carry secrets: so they are made here,
every time, and not in a file that is applied once.
"""

from typing import get_args

from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from txwatch.postgres import Connection
from txwatch.settings import Role, Settings

ROLES: tuple[Role, ...] = get_args(Role)
OWNER: Role = "warehouse_owner"


def provide_roles(admin: Connection, settings: Settings) -> None:
    """Make each role of the warehouse that is missing, and give each the password of the settings.

    Args:
        admin: a superuser's connection in autocommit mode.
        settings: must hold the password of every role.
    """
    for role in ROLES:
        password = settings.require(f"{role}_password")
        with admin.cursor() as cursor:
            cursor.execute("select from pg_roles where rolname = %s", (role,))
            verb = sql.SQL("alter" if cursor.rowcount else "create")
            # Hashed on this side: the server's log can never show the password itself.
            verifier = encrypt_password(password, role, scope=admin, algorithm="scram-sha-256")
            cursor.execute(
                sql.SQL("{} role {} login password {}").format(
                    verb, sql.Identifier(role), sql.Literal(verifier)
                )
            )


def provide_database(admin: Connection, name: str) -> None:
    """Make the warehouse's database, owned by its owner, when it is missing."""
    with admin.cursor() as cursor:
        cursor.execute("select from pg_database where datname = %s", (name,))
        if not cursor.rowcount:
            cursor.execute(
                sql.SQL("create database {} owner {} template template0 encoding 'UTF8'").format(
                    sql.Identifier(name), sql.Identifier(OWNER)
                )
            )
