"""Numbers, times and bytes written for people."""

from datetime import UTC, datetime
from decimal import Decimal

NOTHING = "-"
_MILLION = 1_000_000
_SECOND_MS, _MINUTE_MS = 1_000, 60_000
_LONG_AGO = ((86_400, "days"), (3_600, "h"), (60, "min"))
_PRINTABLE_ASCII = range(0x20, 0x7F)


def count(number: float) -> str:
    """Write a count: `12,345`, from a million on `1.23 M`."""
    return f"{number / _MILLION:.2f} M" if number >= _MILLION else f"{number:,.0f}"


def rate(per_second: float) -> str:
    """Write rows per second; below ten with one decimal."""
    return f"{per_second:.1f}" if 0 < per_second < 10 else count(per_second)  # noqa: PLR2004


def share(part: float, whole: float) -> str:
    """Write a part of a whole in percent; a dash when there is no whole."""
    return f"{part / whole:.2%}" if whole else NOTHING


def duration_ms(milliseconds: float | None) -> str:
    """Write milliseconds, in seconds or minutes when there are many; a dash when nothing was measured."""
    if milliseconds is None:
        return NOTHING
    if milliseconds >= _MINUTE_MS:
        return f"{milliseconds / _MINUTE_MS:.1f} min"
    return f"{milliseconds:.0f} ms" if milliseconds < _SECOND_MS else f"{milliseconds / _SECOND_MS:.2f} s"


def age(seconds: float) -> str:
    """Write how long something took or is ago, in its largest unit: `8 s`, `3 min`, `2 h`, `5 days`."""
    for length, unit in _LONG_AGO:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def money(amount: Decimal, currency: str) -> str:
    """Write an amount with its currency."""
    return f"{amount:,.2f} {currency}"


def clock(moment: datetime) -> str:
    """Write the time of day, UTC."""
    return moment.astimezone(UTC).strftime("%H:%M:%S")


def moment(at: datetime) -> str:
    """Write a date and time, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def raw_bytes(raw: bytes) -> str:
    r"""Write bytes of unknown content as printable ASCII; everything else as `\xNN`, a backslash doubled."""
    return "".join(
        "\\\\" if byte == ord("\\") else chr(byte) if byte in _PRINTABLE_ASCII else f"\\x{byte:02x}"
        for byte in raw
    )


def value(of_column: object) -> str:
    """Write a column's value as the event's JSON would: truth in lower case."""
    return str(of_column).lower() if isinstance(of_column, bool) else str(of_column)


def words(identifier: str) -> str:
    """Write an identifier as words: `unknown_currency` becomes `unknown currency`."""
    return identifier.replace("_", " ")
