"""`txwatch migrate` and `txwatch seed`: the warehouse made ready, step by step."""

from contextlib import closing
from typing import TYPE_CHECKING

import typer

from txwatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from txwatch.warehouse.seeding import SeedCounts


def migrate() -> None:
    """Make the warehouse's roles, database and schema, or bring them up to date."""
    from txwatch.warehouse.migrations import migrate as bring_up_to_date

    settings = load_settings()
    applied = bring_up_to_date(settings, settings.postgres_admin())
    typer.echo(f"applied {', '.join(applied)}" if applied else "nothing to apply")


def seed() -> None:
    """Fill the dimensions with the customers and merchants of the settings' world."""
    counts = fill_dimensions(load_settings())
    typer.echo(f"{counts.customers:,} customers and {counts.merchants:,} merchants made or changed")


def fill_dimensions(settings: Settings) -> "SeedCounts":
    """Seed the warehouse from the world of the settings."""
    from txwatch.postgres import connect
    from txwatch.warehouse.seeding import seed as fill
    from txwatch.world.build import build_world

    world = build_world(settings.world_seed, settings.world_customers, settings.world_merchants)
    with closing(connect(settings.postgres("warehouse_owner"))) as connection:
        return fill(connection, world.customer_dimension(), world.merchant_dimension())
