"""Reads the archive's side of the balance: every object, every record."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pyarrow import parquet

from txwatch.errors import UnavailableError
from txwatch.warehouse.verify.events import Events, read_events
from txwatch.warehouse.verify.inputs import ArchiveReading
from txwatch.warehouse.verify.plan import HELD, ArchivedObject, ArchivePlan
from txwatch.warehouse.verify.till import Till

FETCHES_AT_ONCE = 4
ROWS_AT_ONCE = 50_000
_ABSENT = {"NoSuchKey", "NoSuchBucket", "404"}


class Bucket:
    """Reads objects; every method raises `UnavailableError` when S3 does not answer."""

    def __init__(self, client: Mapping[str, Any], bucket: str) -> None:
        """Prepare a client.

        Args:
            client: keyword arguments of `boto3.client`, as `Settings.s3` returns them.
            bucket: the bucket's name.
        """
        style: Any = "path" if client.get("endpoint_url") else "auto"
        config = Config(connect_timeout=5, read_timeout=60, s3={"addressing_style": style})
        self._s3 = boto3.client("s3", config=config, **client)
        self._bucket = bucket

    def get(self, key: str) -> bytes | None:
        """Return an object's bytes; `None` when it is not there."""
        body: bytes | None = self._call(lambda: self._read(key))
        return body

    def _read(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def keys(self, prefix: str) -> set[str]:
        """Return the names of the objects that begin with the prefix."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        listed = self._call(lambda: {item["Key"] for page in pages for item in page.get("Contents", [])})
        return listed or set()

    def _call(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                return None
            raise UnavailableError(f"S3 fails ({error}): correct TXWATCH_S3_*") from error
        except BotoCoreError as error:
            raise UnavailableError(f"S3 does not answer ({error}): start it with `txwatch up`") from error


def read_archive(bucket: Bucket, plan: ArchivePlan, *, at_work: bool = False) -> ArchiveReading:
    """Read every object that the ledger names and add up what the stream has accepted of it.

    Args:
        bucket: where the objects lie.
        plan: what the ledger says of them.
        at_work: whether the archiver goes on meanwhile: objects beyond the ledger's end are no strays then.
    """
    findings: list[str] = []
    unreadable: list[str] = []
    accepted = 0
    with Till(sum(entry.rows for entry in plan.objects)) as till:
        for records in _gathered(_accepted(bucket, plan, findings)):
            events = read_events(records["value"])
            accepted += records.num_rows
            unreadable += _places(records.filter(pa.array(~events.is_event)))
            till.add(_placed(events, records))
        money = till.count()
    strays = bucket.keys(f"raw/{plan.topic}/") - {entry.key for entry in plan.objects} - plan.in_transit
    if at_work:
        strays -= set(in_flight(strays, plan))
    findings += [f"{key}: not in the archive's ledger" for key in sorted(strays)]
    return ArchiveReading([entry.span for entry in plan.objects], findings, unreadable, accepted, money)


def in_flight(keys: Iterable[str], plan: ArchivePlan) -> Iterator[str]:
    """Yield the objects that begin where the ledger ended when it was read, or later."""
    ends = dict.fromkeys(plan.next_offsets, 0)
    ends |= {entry.span.partition: entry.span.end for entry in plan.objects}
    firsts = {f"raw/{plan.topic}/partition={partition}/": f"{end:020d}" for partition, end in ends.items()}
    for key in keys:
        folder, _, name = key.rpartition("/")
        first = firsts.get(f"{folder}/")
        if first is not None and name[: len(first)].isdecimal() and name >= first:
            yield key


def _accepted(bucket: Bucket, plan: ArchivePlan, findings: list[str]) -> Iterator[pa.Table]:
    """Yield, object by object, the records that the stream has accepted; what is wrong goes to `findings`."""
    for entry, body in _fetched(bucket, plan.objects):
        if body is None:
            findings.append(f"{entry.key}: lost, {entry.rows} records")
            continue
        try:
            records = parquet.read_table(
                pa.BufferReader(body), columns=["topic", "partition", "offset", "value"]
            )
        except (pa.ArrowException, OSError, KeyError) as error:
            findings.append(f"{entry.key}: damaged ({error})")
            continue
        findings += _faults(entry, plan.topic, records)
        seqs = plan.batch_of(entry.span.partition, records["offset"].to_numpy())
        yield records.append_column("ledger_seq", pa.array(seqs)).filter(pa.array(seqs != HELD))


def _fetched(
    bucket: Bucket, entries: Iterable[ArchivedObject]
) -> Iterator[tuple[ArchivedObject, bytes | None]]:
    """Yield objects in order, a few of them fetched ahead."""
    with ThreadPoolExecutor(FETCHES_AT_ONCE) as pool:
        ahead: deque[tuple[ArchivedObject, Future[bytes | None]]] = deque()
        for entry in entries:
            ahead.append((entry, pool.submit(bucket.get, entry.key)))
            if len(ahead) > FETCHES_AT_ONCE:
                oldest, body = ahead.popleft()
                yield oldest, body.result()
        for oldest, body in ahead:
            yield oldest, body.result()


def _faults(entry: ArchivedObject, topic: str, records: pa.Table) -> list[str]:
    """Name what an object holds other than its name and its ledger row say."""
    partition, start, end = entry.span
    if records.num_rows != entry.rows or records.num_rows != end - start:
        return [
            f"{entry.key}: {records.num_rows} records, the ledger says {entry.rows} in {end - start} offsets"
        ]
    same_place = pc.all(pc.and_(pc.equal(records["partition"], partition), pc.equal(records["topic"], topic)))
    if not same_place.as_py() or not np.array_equal(records["offset"].to_numpy(), np.arange(start, end)):
        return [f"{entry.key}: holds other records than its name says"]
    return []


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Join small tables and split large ones, so that each step has enough to do and not too much."""
    waiting: list[pa.Table] = []
    for table in tables:
        for start in range(0, table.num_rows, ROWS_AT_ONCE):
            waiting.append(table.slice(start, ROWS_AT_ONCE))
            if sum(part.num_rows for part in waiting) >= ROWS_AT_ONCE:
                yield pa.concat_tables(waiting)
                waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _placed(events: Events, records: pa.Table) -> pa.Table:
    """Put each event's ledger_seq, partition and offset beside it."""
    places = records.filter(pa.array(events.is_event))
    placed = events.table
    for name in ("ledger_seq", "partition", "offset"):
        placed = placed.append_column(name, places[name])
    return placed


def _places(records: pa.Table) -> list[str]:
    rows = records.select(["partition", "offset"]).to_pylist()
    return [f"partition {row['partition']} offset {row['offset']}" for row in rows]
