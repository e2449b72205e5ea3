"""Adds money up, each transaction once, in memory that does not grow with the archive."""

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from txwatch.warehouse.verify.inputs import NO_MONEY, Money, MoneyKey

ROWS_PER_DRAWER = 250_000
_COLUMNS = pa.schema(
    [
        ("id_high", pa.uint64()),
        ("id_low", pa.uint64()),
        ("cents", pa.int64()),
        ("currency", pa.string()),
        ("day", pa.date32()),
        ("ledger_seq", pa.int64()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)


class Till:
    """Sorts events into drawers by transaction_id, one file each, and counts one drawer after the other."""

    def __init__(self, rows: int) -> None:
        """Open the drawers.

        Args:
            rows: about how many events will come.
        """
        self._folder = TemporaryDirectory(prefix="txwatch-verify-")
        self._paths = [Path(self._folder.name, str(number)) for number in range(rows // ROWS_PER_DRAWER + 1)]
        self._drawers = [pa.ipc.new_stream(path, _COLUMNS) for path in self._paths]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Throw the drawers away."""
        for drawer in self._drawers:
            drawer.close()
        self._folder.cleanup()

    def add(self, events: pa.Table) -> None:
        """Put events (the columns above, in any order) into their drawers."""
        ordered = events.select(_COLUMNS.names).cast(_COLUMNS)
        drawer_of = ordered["id_low"].to_numpy() % len(self._drawers)
        for number, drawer in enumerate(self._drawers):
            drawer.write_table(ordered.filter(pa.array(drawer_of == number)))

    def count(self) -> dict[MoneyKey, Money]:
        """Return the money by currency and day; of events with the same id, the one accepted first counts."""
        counted: dict[MoneyKey, Money] = {}
        for drawer, path in zip(self._drawers, self._paths, strict=True):
            drawer.close()
            with pa.memory_map(str(path)) as source:
                for key, money in _sums(_first_of_each(pa.ipc.open_stream(source).read_all())):
                    counted[key] = counted.get(key, NO_MONEY).plus(money)
        return counted


def _first_of_each(events: pa.Table) -> pa.Table:
    """Keep one event per transaction_id: of the earliest batch, there the lowest partition and offset."""
    high, low = events["id_high"].to_numpy(), events["id_low"].to_numpy()
    by_age = [events[name].to_numpy() for name in ("offset", "partition", "ledger_seq")]
    order = np.lexsort([*by_age, low, high])
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (np.diff(high[order]) != 0) | (np.diff(low[order]) != 0)
    return events.take(pa.array(order[is_first]))


def _sums(events: pa.Table) -> list[tuple[MoneyKey, Money]]:
    tails = pa.array(events["id_low"].to_numpy() & np.uint64(0xFFFF_FFFF))
    grouped = (
        events.append_column("tail", tails)
        .group_by(["currency", "day"])
        .aggregate([([], "count_all"), ("cents", "sum"), ("tail", "sum")])
    )
    return [
        (
            MoneyKey(row["currency"], row["day"]),
            Money(row["count_all"], Decimal(row["cents_sum"]).scaleb(-2), row["tail_sum"]),
        )
        for row in grouped.to_pylist()
    ]
