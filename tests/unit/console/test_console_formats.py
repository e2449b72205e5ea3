from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from txwatch.console import formats


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formats.count(0), "0"),
        (formats.count(12_345), "12,345"),
        (formats.count(999_999), "999,999"),
        (formats.count(1_234_567), "1.23 M"),
        (formats.rate(0), "0"),
        (formats.rate(3.14), "3.1"),
        (formats.rate(1_234.4), "1,234"),
        (formats.share(1, 8), "12.50%"),
        (formats.share(0, 0), formats.NOTHING),
        (formats.duration_ms(None), formats.NOTHING),
        (formats.duration_ms(312.4), "312 ms"),
        (formats.duration_ms(1_260), "1.26 s"),
        (formats.duration_ms(132_010), "2.2 min"),
        (formats.age(-0.2), "0 s"),
        (formats.age(59), "59 s"),
        (formats.age(180), "3 min"),
        (formats.age(7_300), "2 h"),
        (formats.age(3 * 86_400), "3 days"),
        (formats.money(Decimal("1234.50"), "EUR"), "1,234.50 EUR"),
        (formats.value(True), "true"),
        (formats.value(Decimal("1.50")), "1.50"),
        (formats.words("unknown_currency"), "unknown currency"),
    ],
)
def test_numbers_are_written_for_people(written: str, expected: str) -> None:
    assert written == expected


def test_times_are_written_in_utc() -> None:
    in_delhi = datetime(2026, 3, 1, 2, 30, 15, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert formats.clock(in_delhi) == "21:00:15"
    assert formats.moment(in_delhi) == "2026-02-28 21:00:15"
    assert formats.clock(datetime(2026, 3, 1, tzinfo=UTC)) == "00:00:00"


def test_raw_bytes_are_printable_ascii_and_can_be_told_apart() -> None:
    assert formats.raw_bytes(b'{"a": 1}') == '{"a": 1}'
    assert formats.raw_bytes(b"\xff\x00\n\x1b[31m") == r"\xff\x00\x0a\x1b[31m"
    assert formats.raw_bytes("é\u202e".encode()) == r"\xc3\xa9\xe2\x80\xae"
    assert formats.raw_bytes(rb"\x00") == r"\\x00"
    assert all(0x20 <= ord(letter) < 0x7F for letter in formats.raw_bytes(bytes(range(256))))
