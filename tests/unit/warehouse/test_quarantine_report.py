"""What a sender writes is shown as it is: it neither breaks the tables nor colours them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console, RenderableType

from txwatch.warehouse.quarantine_reading import QuarantinedRecord, ReasonCount
from txwatch.warehouse.quarantine_report import as_page, as_tables

RECORD = QuarantinedRecord(
    partition=0,
    offset=7,
    appended_at=datetime(2026, 1, 2, tzinfo=UTC),
    reason="unknown_field",
    field="amount",
    detail=None,
    key=b"key",
    raw=b"{}",
    resolution=None,
    resolved_at=None,
)


def shown(content: RenderableType) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(content)
    return capture.get()


@pytest.mark.parametrize("text", ["[/x]", "[bold]", "[link=file:///etc]a[/link]"])
def test_markup_from_outside_is_text(text: str) -> None:
    record = replace(RECORD, field=text, detail=text, raw=text.encode())
    table = shown(as_tables([ReasonCount("unknown_field", 1, 0)], [record]))
    assert table.count(text) == 2  # its field, and its value
    assert shown(as_page(record)).count(text) == 3
