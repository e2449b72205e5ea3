"""Health: is scoring keeping up, is the archive, do the books balance, and what the last batches did."""

from dataclasses import dataclass

import streamlit as st

from txwatch.console import formats
from txwatch.console.end_offsets import EndOffsets
from txwatch.console.lag import PartitionLag, combine, total
from txwatch.console.markup import Card, Row, Tone, cards, heading, notice, table
from txwatch.console.pages import frame, incident_panel, reconciliation_panel
from txwatch.console.pages.frame import put
from txwatch.console.queries import ledger, progress
from txwatch.errors import TxwatchError
from txwatch.postgres import Connection
from txwatch.settings import Settings

LISTED_BATCHES = 10
STALE_SECONDS = 30
"""A commit older than this while records wait is worth a look: batches take a second or two."""

PAST_THE_END = (
    "Kafka ends before offsets that the ledger has: the topic was emptied or made anew. See by how much "
    "with `txwatch verify`."
)
PARTITION_HEADERS = (
    "Partition",
    "Scored to",
    "End in Kafka",
    "Lag",
    "Archived to",
    "Archive behind",
    "Last object, UTC",
)
BATCH_HEADERS = (
    "Batch",
    "Query",
    "Rows",
    "Facts",
    "Alerts",
    "Quarantined",
    "Duplicates",
    "p50",
    "p95",
    "Committed, UTC",
)


@dataclass(frozen=True)
class HealthView:
    """All that the page shows; `kafka_fault` says why end offsets are missing, when they are."""

    partitions: list[PartitionLag]
    kafka_fault: str | None
    last_commit: ledger.LastCommit | None
    queries: list[progress.Query]
    batches: list[ledger.Batch]
    daily: incident_panel.IncidentView
    books: reconciliation_panel.ReconciliationView


def page() -> None:
    """Draw the page."""
    frame.header("Health", "lag, commits, the archive and the books")
    frame.live(_read, _draw)


def _read(connection: Connection, settings: Settings) -> HealthView:
    reached = progress.partitions(connection)
    last_commit = ledger.last_commit(connection)
    queries, batches = progress.queries(connection), ledger.newest_batches(connection, LISTED_BATCHES)
    daily, books = incident_panel.read(connection), reconciliation_panel.read(connection)
    topic = settings.kafka_transactions_topic
    # Asked after the warehouse, so that a record scored in between does not look like one that waits.
    ends, kafka_fault = _end_offsets(settings, topic)
    lag = combine(reached, ends, topic)
    return HealthView(lag, kafka_fault, last_commit, queries, batches, daily, books)


def _end_offsets(settings: Settings, topic: str) -> tuple[dict[int, int] | None, str | None]:
    try:
        client = settings.kafka_client()
        return _client(tuple(client.items())).of_topic(topic), None
    except TxwatchError as error:
        return None, str(error)


@st.cache_resource(show_spinner=False, max_entries=2)
def _client(options: tuple[tuple[str, str | int], ...]) -> EndOffsets:
    return EndOffsets(dict(options))


def _draw(view: HealthView) -> None:
    put(cards(health_cards(view)))
    if view.kafka_fault:
        put(notice("kafka-fault", "Lag is not known", view.kafka_fault, "warn"))
    if any(place.is_past_the_end for place in view.partitions):
        put(notice("past-the-end", "The topic is not the one that was scored", PAST_THE_END, "bad"))
    if daily := incident_panel.panel(view.daily):
        put(*daily)
    put(*reconciliation_panel.panel(view.books))
    put(
        heading("Partitions", "offsets; lag in records"),
        table("partitions", PARTITION_HEADERS, map(partition_row, view.partitions), numeric=range(1, 6)),
    )
    put(
        heading("Newest batches", "rows; latency is Kafka append to commit"),
        table("batches", BATCH_HEADERS, map(batch_row, view.batches), numeric=range(2, 9)),
    )


def health_cards(view: HealthView) -> list[Card]:
    """Judge each part: what is behind or old is marked."""
    lag = total(place.behind for place in view.partitions)
    archive_lag = sum(place.archive_behind for place in view.partitions)
    age = view.last_commit.age_seconds if view.last_commit else 0.0
    holder = view.queries[-1] if view.queries else None
    return [
        Card(
            "lag",
            "Lag",
            "not known" if lag is None else f"{formats.count(lag)} rows",
            "in Kafka, not yet scored",
            commit_tone(lag, age) if lag is not None else "warn",
        ),
        Card(
            "last-commit",
            "Last commit",
            f"{formats.age(age)} ago" if view.last_commit else "",
            f"{formats.moment(view.last_commit.committed_at)} UTC" if view.last_commit else "",
            commit_tone(lag, age),
        ),
        Card(
            "archive-lag",
            "Archive behind",
            f"{formats.count(archive_lag)} rows",
            "known and not yet archived",
        ),
        Card(
            "epoch",
            "Stream",
            f"epoch {holder.epoch}" if holder else "",
            f"since {formats.moment(holder.started_at)} UTC" if holder else "",
        ),
    ]


def commit_tone(lag: int | None, age_seconds: float) -> Tone:
    """Judge the stream: good when nothing waits or commits are fresh, bad when rows wait."""
    if age_seconds < STALE_SECONDS or lag == 0:
        return "good"
    return "warn" if lag is None else "bad"


def partition_row(place: PartitionLag) -> Row:
    """Write one partition's place; a dash where it is not known."""
    return [
        f"{place.topic}/{place.partition}",
        f"{place.scored_to:,}",
        None if place.end is None else f"{place.end:,}",
        None if place.behind is None else f"{place.behind:,}",
        f"{place.archived_to:,}",
        f"{place.archive_behind:,}",
        formats.moment(place.archived_at) if place.archived_at else None,
    ]


def batch_row(batch: ledger.Batch) -> Row:
    """Write one row of the ledger."""
    counts = (batch.rows_in, batch.facts, batch.alerts, batch.quarantined, batch.duplicates)
    return [
        f"{batch.ledger_seq:,}",
        batch.query,
        *(f"{number:,}" for number in counts),
        formats.duration_ms(batch.latency_p50_ms),
        formats.duration_ms(batch.latency_p95_ms),
        formats.moment(batch.committed_at),
    ]
