"""Errors that a person reads: one sentence that names what is wrong and the way out."""


def legible(text: str, keep: str = "") -> str:
    """Return text of unknown origin on one line, control characters escaped, but for those to keep."""
    return "".join(each if each.isprintable() or each in keep else ascii(each)[1:-1] for each in text)


class TxwatchError(Exception):
    """Something failed; the command line prints the sentence and exits with `exit_code`."""

    exit_code = 1


class UsageError(TxwatchError):
    """What was asked for cannot be done as asked: a bad argument, setting or file, which it may quote."""

    exit_code = 2

    def __init__(self, sentence: str) -> None:
        super().__init__(legible(sentence))


class SettingError(UsageError):
    """A setting is missing or has a value that cannot be used."""


class UnavailableError(TxwatchError):
    """A system that is needed (Kafka, Postgres, S3) does not answer."""


class StagingLostError(UnavailableError):
    """What the executors staged is gone; only reading the batch from Kafka again brings it back."""


class FencedError(TxwatchError):
    """A newer start of the same query has taken over; this one must stop and write nothing more."""
