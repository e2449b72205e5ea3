"""Who pays whom: customers and merchants, from one seed."""

from txwatch.world.build import CUSTOMER_COLUMNS, MERCHANT_COLUMNS, World, build_world

__all__ = ["CUSTOMER_COLUMNS", "MERCHANT_COLUMNS", "World", "build_world"]
