"""The control: the common design of the bench, run for good on one checkpoint, as its users run it.

    python common_stream.py [STEP kill]

It reads the same topic under the same servers. What is no transaction is dropped, as `from_json` has it. With
a step (`write`: after the rows are in, before Spark notes the batch) it kills itself there, once.
"""

import sys

from hooked_stream import Breaker
from systems import Common

from txwatch.logs import configure_logs
from txwatch.settings import Settings, load_settings

STEP = "write"


class KeptCommon(Common):
    """The common design with a checkpoint that is kept, so that a restart goes on from it."""

    def _checkpoint(self, settings: Settings) -> str:
        return f"s3a://{settings.s3_bucket}/checkpoints/common/kept"

    def stream(self, settings: Settings) -> None:
        """Move what comes until killed."""
        transactions = self._transactions(settings).filter("transaction_id is not null")
        query = (
            transactions.writeStream.option("checkpointLocation", self._checkpoint(settings))
            .foreachBatch(lambda batch, batch_id: self._write(settings, batch, batch_id))
            .start()
        )
        query.awaitTermination()


def main(step: str = "", how: str = "") -> None:
    """Stream until killed."""
    settings = load_settings()
    configure_logs(settings.log_level)
    reached = Breaker(step, kills=how == "kill")
    KeptCommon(settings, lambda _: reached(STEP)).stream(settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
