"""`txwatch migrate` and `txwatch seed`: the warehouse made ready, step by step."""

from contextlib import closing

import typer

from txwatch.settings import load_settings


def migrate() -> None:
    """Make the warehouse's roles, database and schema, or bring them up to date."""
    from txwatch.warehouse.migrations import migrate as bring_up_to_date

    settings = load_settings()
    applied = bring_up_to_date(settings, settings.postgres_admin())
    typer.echo(f"applied {', '.join(applied)}" if applied else "nothing to apply")


def seed() -> None:
    """Fill the dimensions with the customers and merchants of the settings' world."""
    from txwatch.postgres import connect
    from txwatch.warehouse.seeding import seed as fill
    from txwatch.world.build import build_world

    settings = load_settings()
    world = build_world(settings.world_seed, settings.world_customers, settings.world_merchants)
    with closing(connect(settings.postgres("warehouse_owner"))) as connection:
        counts = fill(connection, world.customer_dimension(), world.merchant_dimension())
    typer.echo(f"{counts.customers:,} customers and {counts.merchants:,} merchants made or changed")
