"""Compaction merges small objects, and the archive balances whenever it is looked at."""

from collections.abc import Callable
from contextlib import closing
from threading import Event
from typing import Any

import boto3
import psycopg2
import pytest
from known_books import keep_books

from txwatch.errors import UnavailableError, UsageError
from txwatch.settings import Settings
from txwatch.stream.archive.archiver import Archiver
from txwatch.stream.archive.buffer import Limits
from txwatch.stream.archive.compaction import CompactionCounts, Compactor
from txwatch.stream.archive.compaction_ledger import CompactionLedger
from txwatch.stream.archive.ledger import ArchiveLedger
from txwatch.stream.archive.store import ObjectStore
from txwatch.stream.records import RecordSource
from txwatch.warehouse.verify.balance import balance
from txwatch.warehouse.verify.reading import read_inputs

PART, WHOLE = "00000000000000000015-00000000000000000030", "00000000000000000000-00000000000000000030"


class Interrupted(Exception):  # noqa: N818 - what kill -9 does
    pass


def store_of(settings: Settings) -> ObjectStore:
    return ObjectStore(settings.s3(), settings.s3_bucket)


def ledger_of(settings: Settings) -> CompactionLedger:
    return CompactionLedger(settings.postgres("operator"), settings.kafka_transactions_topic)


def compact(settings: Settings, readers_hours: float = 6, **broken: Any) -> CompactionCounts:
    ledger, store = ledger_of(settings), store_of(settings)
    for name, action in broken.items():
        target = ledger if hasattr(ledger, name) else store
        setattr(target, name, action(getattr(target, name)))
    return Compactor(ledger, store, max_rows=1000).run(older_than_hours=0, readers_hours=readers_hours)


def keys(settings: Settings) -> set[str]:
    s3: Any = boto3.client("s3", **settings.s3())
    return {item["Key"] for item in s3.list_objects_v2(Bucket=settings.s3_bucket)["Contents"]}


def ledger_keys(settings: Settings) -> set[str]:
    with closing(psycopg2.connect(**settings.postgres("analyst"))) as connection:
        cursor = connection.cursor()
        cursor.execute("select key from ops.archive_object")
        return {key for (key,) in cursor.fetchall()}


def faults(settings: Settings) -> list[str]:
    return [f"{check.name}: {check.findings}" for check in balance(read_inputs(settings)) if not check.ok]


def archive_again(settings: Settings) -> None:
    """Start the archiver, which repairs what it takes for broken."""
    source = RecordSource(settings.kafka_client(), settings.kafka_transactions_topic)
    ledger = ArchiveLedger(settings.postgres("archiver"), settings.kafka_transactions_topic)
    with closing(source), closing(ledger):
        Archiver(source, ledger, store_of(settings), Limits(15, 3600), Event()).run(until_drained=True)


@pytest.fixture
def books(pipeline: Settings) -> Settings:
    """Books whose archive has three objects in one partition and one in another."""
    keep_books(pipeline)
    assert faults(pipeline) == []
    return pipeline


def test_small_objects_become_one_and_the_books_balance_throughout(books: Settings) -> None:
    before = keys(books)
    assert compact(books) == CompactionCounts(merged=2, into=1)
    assert len(ledger_keys(books)) == len(before) - 1
    assert keys(books) == before | ledger_keys(books)  # the parts stay for readers
    assert faults(books) == []
    archive_again(books)
    assert keys(books) == before | ledger_keys(books)
    assert compact(books) == CompactionCounts()  # again: nothing to do yet
    assert compact(books, readers_hours=0) == CompactionCounts(removed=2)
    assert keys(books) == ledger_keys(books)
    assert faults(books) == []
    assert compact(books, readers_hours=0) == CompactionCounts()


def _after(action: Callable[..., Any]) -> Callable[..., Any]:
    def interrupted(*arguments: Any) -> None:
        action(*arguments)
        raise Interrupted

    return interrupted


# Before each of these, and after the switch, the state is one that the others, or no kill at all, have too.
@pytest.mark.parametrize("step", ["announce", "put", "delete"])
def test_killed_at_any_step_it_leaves_a_balance_and_the_next_run_ends_the_work(
    books: Settings, step: str
) -> None:
    if step == "delete":
        compact(books)
    with pytest.raises(Interrupted):
        compact(books, readers_hours=0, **{step: _after})
    assert faults(books) == []
    archive_again(books)
    assert faults(books) == []
    compact(books)
    compact(books, readers_hours=0)
    assert faults(books) == []
    assert keys(books) == ledger_keys(books)
    assert len(ledger_keys(books)) == 3


def test_a_lost_part_is_left_to_repair(books: Settings) -> None:
    (lost,) = (key for key in keys(books) if PART in key)
    store_of(books).delete(lost)
    assert compact(books) == CompactionCounts(left_alone=1)
    archive_again(books)
    assert faults(books) == []
    assert compact(books) == CompactionCounts(merged=2, into=1)


def test_a_merged_object_that_s3_forgot_is_written_again_from_kafka(books: Settings) -> None:
    compact(books)
    compact(books, readers_hours=0)
    (merged,) = (key for key in keys(books) if WHOLE in key)
    store_of(books).delete(merged)
    assert faults(books) != []
    archive_again(books)
    assert faults(books) == []


def test_young_objects_stay(books: Settings) -> None:
    compactor = Compactor(ledger_of(books), store_of(books), max_rows=1000)
    assert compactor.run(older_than_hours=1, readers_hours=6) == CompactionCounts()


def test_two_at_once_are_refused_and_s3_away_is_told(books: Settings) -> None:
    with ledger_of(books).held(), pytest.raises(UsageError, match="txwatch maintain archive"):
        compact(books)
    away = books.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(UnavailableError, match="S3"):
        compact(away)
    assert faults(books) == []
