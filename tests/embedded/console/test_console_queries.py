"""The console's SQL against a real Postgres: numbers worked out by hand or by plain SQL over whole tables."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from known_stream import (
    HOSTILE_MERCHANT,
    HOSTILE_NAME,
    RULES,
    KnownStream,
    Malformed,
    Payment,
    customer_id,
    transaction_id,
)

from txwatch.console.database import snapshot
from txwatch.console.queries import alerts, ledger, progress, quarantine
from txwatch.console.windows import WINDOWS
from txwatch.errors import UnavailableError
from txwatch.postgres import Connection
from txwatch.settings import Settings

SHORTEST, HOUR = WINDOWS[:2]
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def fresh(owner: Connection) -> KnownStream:
    stream = KnownStream(owner)
    stream.open(datetime.now(UTC) - timedelta(hours=1))
    return stream


def payment(amount: str, occurred_at: datetime, **of: object) -> Payment:
    return Payment(
        **{"customer": 0, "merchant": 0, "amount": Decimal(amount), "occurred_at": occurred_at} | of
    )


def test_totals_weight_latency_by_rows(fresh: KnownStream, reader: Connection) -> None:
    now = datetime.now(UTC)
    fresh.commit_batch(now - timedelta(hours=2), [payment("1.00", now)] * 9, latency_ms=9000)
    fresh.commit_batch(
        now - timedelta(seconds=30), [payment("1.00", now)] * 2, [Malformed("empty", b"")], latency_ms=100
    )
    fresh.commit_batch(now - timedelta(seconds=20), [payment("2000.00", now)], latency_ms=500)
    totals = ledger.totals(reader, SHORTEST.span)
    # (100 * 3 + 500 * 1) / 4 = 200; p95 is twice, the most three times the median of a batch.
    assert totals == ledger.Totals(2, 4, 3, 1, 1, 0, 200.0, 400.0, 1500.0)


@pytest.mark.usefixtures("fresh")
def test_totals_of_an_idle_window_are_zero_and_without_latency(reader: Connection) -> None:
    assert ledger.totals(reader, SHORTEST.span) == ledger.Totals(0, 0, 0, 0, 0, 0, None, None, None)
    assert ledger.last_commit(reader) is None


def test_bins_hold_whole_steps_and_show_idleness(fresh: KnownStream, reader: Connection) -> None:
    now = datetime.now(UTC)
    a_minute_ago = now.replace(second=now.second // 5 * 5, microsecond=0) - timedelta(minutes=1)
    for offset, rows in ((0, 20), (4, 10), (5, 5)):
        committed_at = a_minute_ago + timedelta(seconds=offset)
        fresh.commit_batch(committed_at, [payment("1.00", now)] * rows, latency_ms=100 * rows)
    by_start = {row.starts_at: row for row in ledger.bins(reader, SHORTEST)}
    # 30 rows in 5 s; latency (2000 * 20 + 1000 * 10) / 30.
    assert by_start[a_minute_ago].rows_per_second == 6.0
    assert by_start[a_minute_ago].latency_p50_ms == pytest.approx(5000 / 3)
    assert by_start[a_minute_ago + timedelta(seconds=5)].rows_per_second == 1.0
    assert by_start[a_minute_ago + timedelta(seconds=10)][1:] == (0.0, None, None)
    assert len(by_start) == 59
    assert max(by_start) + SHORTEST.step <= datetime.now(UTC)


def test_totals_equal_the_tables(stream: KnownStream, reader: Connection) -> None:
    totals = ledger.totals(reader, HOUR.span)
    with reader.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from core.fact_transaction), (select count(*) from core.fact_alert),"
            " (select count(*) from ops.quarantine)"
        )
        assert (totals.facts, totals.alerts, totals.quarantined) == cursor.fetchone()
    assert totals.rows_in == sum(stream.offsets)


@pytest.mark.usefixtures("stream")
def test_alerts_by_rule_count_every_rule_that_fired(reader: Connection) -> None:
    reader.autocommit = False  # one transaction, one now()
    counted = alerts.by_rule(reader, HOUR)
    with reader.cursor() as cursor:
        cursor.execute(
            "select date_trunc('minute', raised_at), rule, count(*) from core.fact_transaction"
            " join core.fact_alert using (transaction_id) cross join unnest(fact_transaction.rules) as rule"
            " where date_trunc('minute', raised_at) < date_trunc('minute', now()) group by 1, 2 order by 1, 2"
        )
        assert counted == cursor.fetchall()
    assert {row.rule for row in counted} == RULES.keys()


def test_newest_alerts_come_with_evidence_and_names(fresh: KnownStream, reader: Connection) -> None:
    now = datetime.now(UTC)
    abroad = {"is_foreign": True, "city": 6, "customer": 3}
    fresh.commit_batch(now - timedelta(seconds=5), [payment("5.00", now), payment("1000.10", now, **abroad)])
    fresh.commit_batch(now, [payment("7.00", now, latitude=95.5, merchant=HOSTILE_MERCHANT)])
    newest, older = alerts.newest(reader, SHORTEST.span, 10)
    assert (newest.transaction_id, newest.merchant, newest.is_placeable) == (
        transaction_id(3),
        HOSTILE_NAME,
        False,
    )
    assert newest.evidence == {
        "invalid_geolocation": {"latitude": Decimal("95.5"), "longitude": Decimal("0.0")}
    }
    assert (older.transaction_id, older.customer, older.amount) == (
        transaction_id(2),
        "Dmitri Example",
        Decimal("1000.10"),
    )
    assert (older.country, older.currency, older.severity) == ("JP", "JPY", "high")
    assert older.rules == ["amount_over_threshold", "foreign_transaction"]
    assert [
        alert.transaction_id for alert in alerts.newest(reader, SHORTEST.span, 10, "foreign_transaction")
    ] == [transaction_id(2)]
    assert alerts.find(reader, transaction_id(2)) == older
    assert alerts.find(reader, transaction_id(1)) is None
    assert alerts.rule_sentences(reader) == {rule: said[1] for rule, said in RULES.items()}


def test_an_alert_of_unknown_parties_is_listed_without_names(fresh: KnownStream, reader: Connection) -> None:
    now = datetime.now(UTC)
    fresh.commit_batch(now, [payment("2000.00", now, customer=99, merchant=99)])
    (alert,) = alerts.newest(reader, SHORTEST.span, 10)
    assert (alert.customer_id, alert.customer, alert.merchant) == (customer_id(99), None, None)


def test_timeline_is_the_customers_nearest_transactions(fresh: KnownStream, reader: Connection) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    hours = [payment("10.00", noon + timedelta(hours=hour)) for hour in (-3, -2, -1, 1, 2, 3)]
    other = payment("10.00", noon, customer=1)
    fresh.commit_batch(datetime.now(UTC), [*hours, other, payment("1500.00", noon)])
    alert = alerts.find(reader, transaction_id(8))
    assert alert is not None
    around = alerts.timeline(reader, alert, limit=2)
    assert [(row.occurred_at.hour, row.is_fraud) for row in around] == [
        (11, False),
        (12, True),
        (13, False),
        (14, False),
    ]


def test_quarantine_counts_and_samples_what_is_held(
    fresh: KnownStream, owner: Connection, reader: Connection
) -> None:
    now = datetime.now(UTC)
    records = [
        Malformed("not_json", b"{" * 2000, detail="why"),
        Malformed("not_json", b"["),
        Malformed("tombstone", None),
    ]
    fresh.commit_batch(now, [], records)
    with owner, owner.cursor() as cursor:
        cursor.execute("update ops.quarantine set resolution = 'fact', resolved_at = now() where raw = '['")
    assert quarantine.held_by_reason(reader) == [("not_json", 1), ("tombstone", 1)]
    assert quarantine.resolved(reader) == 1
    (sample,) = quarantine.samples(reader, "not_json", limit=5, raw_bytes=10)
    assert sample.raw is not None
    assert (bytes(sample.raw), sample.length, sample.detail) == (b"{" * 10, 2000, "why")
    (tombstone,) = quarantine.samples(reader, "tombstone", limit=5, raw_bytes=10)
    assert (tombstone.raw, tombstone.length) == (None, None)


def test_progress_knows_each_partitions_newest_object(fresh: KnownStream, reader: Connection) -> None:
    now = datetime.now(UTC)
    fresh.commit_batch(now, [payment("1.00", now)] * 4)
    assert [(row.next_offset, row.archived_to) for row in progress.partitions(reader)] == [(1, None)] * 4
    fresh.archive(now)
    fresh.commit_batch(now, [payment("1.00", now)] * 2)
    fresh.archive(now)
    fresh.commit_batch(now, [payment("1.00", now)])
    reached = [(row.partition, row.next_offset, row.archived_to) for row in progress.partitions(reader)]
    assert reached == [(0, 3, 2), (1, 2, 2), (2, 1, 1), (3, 1, 1)]


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        (alerts.NEWEST, {"span": SHORTEST.span, "rule": None, "limit": 50}),
        (alerts.ONE, {"transaction_id": transaction_id(1)}),
        (alerts.TIMELINE, {"customer_id": customer_id(1), "occurred_at": LONG_AGO, "limit": 5}),
    ],
    ids=["newest", "one", "timeline"],
)
@pytest.mark.usefixtures("stream")
def test_no_query_scans_the_fact(
    owner: Connection, reader: Connection, sql: str, parameters: dict[str, object]
) -> None:
    with owner, owner.cursor() as cursor:
        cursor.execute("analyze core.fact_transaction")
    with reader.cursor() as cursor:
        # A small table is scanned by choice; with that made dear, only a missing index would leave a scan.
        cursor.execute("set enable_seqscan = off")
        cursor.execute(f"explain {sql}", parameters)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "on fact_transaction" in plan
    assert "Seq Scan on fact_transaction" not in plan


def test_a_snapshot_is_one_moment_and_cannot_write(fresh: KnownStream, pipeline: Settings) -> None:
    now = datetime.now(UTC)
    with snapshot(pipeline) as seen:
        assert ledger.totals(seen, SHORTEST.span).batches == 0
        fresh.commit_batch(now, [payment("1.00", now)])
        assert ledger.totals(seen, SHORTEST.span).batches == 0
    with (
        pytest.raises(UnavailableError, match="read-only"),
        snapshot(pipeline) as seen,
        seen.cursor() as cursor,
    ):
        cursor.execute("delete from core.fact_alert")


def test_a_slow_query_ends_with_a_sentence(pipeline: Settings) -> None:
    with (
        pytest.raises(UnavailableError, match="longer than 3 s"),
        snapshot(pipeline) as seen,
        seen.cursor() as cursor,
    ):
        cursor.execute("select pg_sleep(30)")
