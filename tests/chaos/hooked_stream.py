"""`txwatch stream`, broken off once at a named step of the sink.

    python hooked_stream.py STEP kill|raise

`kill` is kill -9 of this very process at that step; `raise` an error that the stream has to get over.
"""

import os
import signal
import sys

from txwatch.cli.sparking import spark_session
from txwatch.logs import configure_logs
from txwatch.settings import load_settings
from txwatch.stream.query import TransactionStream
from txwatch.stream.rules import load_ruleset

STEPS = ("scoring", "claim", "facts", "dimensions", "alerts", "quarantine", "rollups", "settle", "commit")
_BATCHES_BEFORE = 3
STRUCK = "struck at"
"""What the log says, with the step and the time, just before it happens."""


class Breaker:
    """Breaks the first batch but a few off at one step."""

    def __init__(self, step: str, *, kills: bool) -> None:
        self._step = step
        self._kills = kills
        self._seen = 0

    def __call__(self, step: str) -> None:
        """Be told of a step that has been reached."""
        self._seen += step == self._step
        if step != self._step or self._seen != _BATCHES_BEFORE:
            return
        print(STRUCK, step, flush=True)
        if self._kills:
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError(f"injected at {step}")


def main(step: str, how: str) -> None:
    """Stream until stopped."""
    settings = load_settings()
    configure_logs(settings.log_level)
    rules = load_ruleset(settings.stream_ruleset)
    breaker = Breaker(step, kills=how == "kill")
    stream = TransactionStream(settings, rules, spark_session(settings), reached=breaker)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stream.stop())
    stream.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
