"""The common design as a plant: the same servers, wires, load and faults, another program in the middle."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg2
from faults import Fault
from plant import HERE, PYTHON, Load, Plant

from txwatch.postgres import connect

_PROGRAM = (*PYTHON, str(HERE / "common_stream.py"))
_IDLE_SECONDS = 60.0
"""Longer than a restart of Spark beside other work: what is still to be read is not lost."""
_LONGEST_SECONDS = 180.0
_PAUSE_SECONDS = 5.0
"""So long must no rows have come in before it is looked whether any are missing."""
_OURS_ALONE = ("txwatch archive", "txwatch labels", "kill -9 after", "an error after")


def is_meant_for_control(fault: Fault) -> bool:
    """Tell whether the common design has what the fault hits."""
    return not any(word in fault.name for word in _OURS_ALONE)


class ControlPlant(Plant):
    """Reads and writes as the bench's common design does; its table has no key, as `write.jdbc` makes it."""

    def __init__(self, folder: Path, load: Load) -> None:
        super().__init__(
            folder,
            load,
            stream_program=_PROGRAM,
            programs=("stream", "generate"),
            hooks={"commit": (*_PROGRAM, "write")},
            writer="usename = 'warehouse_owner'",
            is_txwatch=False,
        )
        self._rows_at_strike = 0
        drop_key = "alter table core.fact_transaction drop constraint fact_transaction_pkey"
        with closing(connect(self.settings.postgres("warehouse_owner"))) as connection, connection:
            connection.cursor().execute(drop_key)

    def strike(self) -> None:
        """Note also how many rows there are."""
        super().strike()
        self._rows_at_strike = self._rows()

    def has_recovered(self) -> bool:
        """Tell whether rows have come in since the strike; it keeps no books that would tell more."""
        return self._rows() > self._rows_at_strike

    def settle(self, is_complete: Callable[[], bool]) -> None:
        """Wait until no more rows come in: soon where none is missing, else as long as a restart takes."""
        self.programs = ("stream",)
        begun = changed_at = time.monotonic()
        rows, looked_at = self._rows(), -1
        while time.monotonic() - changed_at < _IDLE_SECONDS and time.monotonic() - begun < _LONGEST_SECONDS:
            self.tend()
            time.sleep(0.5)
            if (now := self._rows()) != rows:
                rows, changed_at = now, time.monotonic()
            elif rows != looked_at and time.monotonic() - changed_at > _PAUSE_SECONDS:
                if is_complete():
                    return
                looked_at = rows

    def _rows(self) -> int:
        try:
            return int(self.warehouse.value("select count(*) from core.fact_transaction"))
        except psycopg2.OperationalError:  # on its way back
            return self._rows_at_strike
