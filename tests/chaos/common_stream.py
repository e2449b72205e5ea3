"""The control: the common design of the bench, run for good on one checkpoint, as its users run it.

    python common_stream.py [STEP kill]

It reads the same topic under the same servers. What is no transaction is dropped, as `from_json` has it. With
a step (`write`: after the rows are in, before Spark notes the batch) it kills itself there, once.
"""

import sys
import threading

from hooked_stream import Breaker
from jdbc import Counting
from pyspark.sql import DataFrame

from txwatch.logs import configure_logs
from txwatch.settings import Settings, load_settings

STEP = "write"


class KeptCommon(Counting):
    """The common design with a checkpoint that is kept, so that a restart goes on from it."""

    def _checkpoint(self, settings: Settings) -> str:
        return f"s3a://{settings.s3_bucket}/checkpoints/common/kept"

    def _transactions(self, settings: Settings) -> DataFrame:
        return super()._transactions(settings).filter("transaction_id is not null")


def main(step: str = "", how: str = "") -> None:
    """Stream until killed."""
    settings = load_settings()
    configure_logs(settings.log_level)
    reached = Breaker(step, kills=how == "kill")
    KeptCommon(settings, lambda _rows, _batch: reached(STEP)).follow(settings, threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
