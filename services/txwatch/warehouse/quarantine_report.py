"""The quarantine laid out for people."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from txwatch.warehouse.quarantine_reading import QuarantinedRecord, ReasonCount

SAMPLE_BYTES = 80
SHOWN_BYTES = 4096


def as_tables(counts: Sequence[ReasonCount], records: Sequence[QuarantinedRecord]) -> RenderableType:
    """Lay out how many records each reason holds, and the newest of them."""
    if not counts:
        return Text("The quarantine is empty.")
    by_reason = Table("reason", title="Quarantine by reason", title_justify="left")
    by_reason.add_column("held", justify="right")
    by_reason.add_column("replayed", justify="right")
    for count in counts:
        by_reason.add_row(count.reason, f"{count.held:,}", f"{count.resolved:,}")
    newest = Table("record", "appended at", "reason", "field", "value", title="Newest", title_justify="left")
    for record in records:
        newest.add_row(
            f"{record.partition}:{record.offset}",
            f"{record.appended_at:%Y-%m-%d %H:%M:%S}",
            record.reason if record.resolution is None else f"{record.reason} -> {record.resolution}",
            Text(record.field or ""),
            Text(readable(record.raw, SAMPLE_BYTES), overflow="ellipsis", no_wrap=True),
        )
    return Group(by_reason, newest, Text("`txwatch quarantine show RECORD` shows one of them whole."))


def as_page(record: QuarantinedRecord) -> RenderableType:
    """Lay out one record, whole unless it is very long."""
    facts = Table.grid("", "", padding=(0, 2))
    rows = {
        "record": f"partition {record.partition}, offset {record.offset}",
        "appended at": f"{record.appended_at:%Y-%m-%d %H:%M:%S.%f %Z}",
        "reason": record.reason,
        "field": record.field,
        "detail": record.detail,
        "key": None if record.key is None else readable(record.key, SAMPLE_BYTES),
        "resolution": "held" if record.resolution is None else f"{record.resolution}, {record.resolved_at}",
        "bytes": "none: a tombstone" if record.raw is None else f"{len(record.raw):,}",
    }
    for name, value in rows.items():
        if value is not None:
            facts.add_row(Text(name, style="dim"), Text(value))
    return Group(facts, Text(), Text(readable(record.raw, SHOWN_BYTES)))


def readable(raw: bytes | None, limit: int) -> str:
    """Return bytes as text that a terminal takes: at most `limit` of them, odd ones as escapes."""
    shown = (raw or b"")[:limit].decode(errors="backslashreplace")
    text = "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in shown)
    return text + (f" ... and {len(raw) - limit:,} bytes more" if raw and len(raw) > limit else "")
