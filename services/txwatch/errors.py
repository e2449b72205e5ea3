"""Errors that a person reads: one sentence that names what is wrong and the way out."""


class TxwatchError(Exception):
    """Something failed; the command line prints the sentence and exits with `exit_code`."""

    exit_code = 1


class UsageError(TxwatchError):
    """What was asked for cannot be done as asked: a bad argument, setting or file."""

    exit_code = 2


class SettingError(UsageError):
    """A setting is missing or has a value that cannot be used."""


class UnavailableError(TxwatchError):
    """A system that is needed (Kafka, Postgres, S3) does not answer."""


class StagingLostError(UnavailableError):
    """What the executors staged is gone; only reading the batch from Kafka again brings it back."""


class FencedError(TxwatchError):
    """A newer start of the same query has taken over; this one must stop and write nothing more."""
