from pathlib import Path

import pytest

from txwatch.errors import UsageError
from txwatch.warehouse.migrations import Migration, pending, read_migrations

FIRST, SECOND = Migration("001_first.sql", "select 1"), Migration("002_second.sql", "select 2")


def test_what_is_not_applied_is_pending_in_order() -> None:
    assert pending([FIRST, SECOND], {}) == [FIRST, SECOND]
    assert pending([FIRST, SECOND], {FIRST.name: FIRST.checksum}) == [SECOND]


def test_the_checksum_is_the_sha256_of_the_text() -> None:
    # sha256sum of the eight bytes "select 1"
    assert FIRST.checksum == "822ae07d4783158bc1912bb623e5107cc9002d519e1143a9c200ed6ee18b6d0f"


@pytest.mark.parametrize(
    ("applied", "sentence"),
    [
        ({FIRST.name: "other"}, r"001_first\.sql was changed"),
        ({"003_third.sql": "any"}, r"003_third\.sql was applied to this database but is gone"),
        ({SECOND.name: SECOND.checksum}, r"001_first\.sql sorts before 002_second\.sql"),
    ],
)
def test_what_does_not_fit_the_record_is_named(applied: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        pending([FIRST, SECOND], applied)


@pytest.mark.parametrize("names", [[], ["first.sql"], ["001_first.sql", "001_other.sql"]])
def test_files_without_a_clear_order_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="NNN_<what>"):
        read_migrations(tmp_path)
