"""Work beside Spark: while one batch is committed, the next one is read and made ready."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class WriteBehind:
    """Carries out writes one after the other, in order, in a thread of its own.

    Spark takes a batch for done when it has been handed over, so after a failure nothing more is written:
    the query must end, and its next start goes on from the ledger.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "writer")
        self._latest: Future[None] | None = None

    def put(self, write: Callable[[], None]) -> None:
        """Wait for the write before, then take this one; raise what the one before failed with."""
        if self._latest is not None:
            self._latest.result()
        self._latest = self._thread.submit(write)

    def is_idle(self) -> bool:
        """Tell whether everything is written.

        Raises:
            BaseException: what the latest batch failed with.
        """
        if self._latest is None:
            return True
        if not self._latest.done():
            return False
        self._latest.result()
        return True

    def close(self) -> None:
        """Wait until the batch in flight is written, or has failed."""
        self._thread.shutdown()
