"""A file of outside transactions, good and bad: bad ones get one sentence that names the line."""

import gzip
from pathlib import Path

import pytest

from txwatch.errors import UsageError
from txwatch.generator.handbook import COLUMNS, read_handbook

HEADER = ",".join(COLUMNS)
ROWS = (
    "0,2018-04-01 00:00:31,596,3156,57.16,39.86921,-100.39833,39.8755,-100.42118,0",
    "1,2018-04-01 00:02:10,4961,3412,81.51,39.86401,-99.78696,39.83681,-99.76129,0",
    "2,2018-04-01 00:07:56,2,1365,1108.8500000000001,39.91178,-99.49516,39.89499,-99.45471,1",
)


def write(path: Path, *lines: str) -> Path:
    path.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))
    return path


def test_rows_are_read_as_they_stand(tmp_path: Path) -> None:
    rows = read_handbook(write(tmp_path / "file.csv.gz", HEADER, *ROWS))
    assert len(rows) == 3
    assert rows.occurred_ms.tolist() == [1_522_540_831_000, 1_522_540_930_000, 1_522_541_276_000]
    assert rows.cents.tolist() == [5716, 8151, 110_885]  # the publisher's binary noise is gone
    assert rows.customer_id.tolist() == [596, 4961, 2]
    assert rows.is_fraud.tolist() == [False, False, True]
    assert rows.customer_longitude.tolist() == [-100.42118, -99.76129, -99.45471]


def test_columns_may_stand_in_any_order_and_there_may_be_more(tmp_path: Path) -> None:
    def turned(line: str) -> str:
        return ",".join([*reversed(line.split(",")), "more"])

    path = write(tmp_path / "file.csv", turned(HEADER), *(turned(row) for row in ROWS))
    assert read_handbook(path).cents.tolist() == [5716, 8151, 110_885]


def test_a_limit_takes_the_first_rows(tmp_path: Path) -> None:
    assert read_handbook(write(tmp_path / "file.csv.gz", HEADER, *ROWS), limit=2).cents.tolist() == [
        5716,
        8151,
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (ROWS[2].replace("2018-04-01 00:07:56", "2018-13-01 00:07:56"), "Row #4: .*2018-13-01"),
        (ROWS[2].replace("1108.8500000000001", "abc"), "CSV column #4: Row #4: .*'abc'"),
        ("1,2", "Row #4: Expected 10 columns, got 2"),
        (ROWS[2].replace("1108.8500000000001", "3.333"), "line 4: amount has more than two decimal places"),
        (ROWS[2].replace("1108.8500000000001", "-3.33"), "line 4: amount is not an amount"),
        (
            ROWS[2].replace("1108.8500000000001", "nan"),
            "line 4: amount is not an amount|line 4: amount is empty",
        ),
        (ROWS[2].replace("1108.8500000000001", "1e12"), "line 4: amount is more than 99999999.99"),
        (ROWS[2].replace("1108.8500000000001", ""), "line 4: amount is empty"),
        (ROWS[2].replace(",2,", ",-2,"), "line 4: customer_id is negative"),
        (ROWS[0].replace("00:00:31", "00:00:30"), "line 4: timestamp is earlier than the line before"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = write(tmp_path / "file.csv.gz", HEADER, ROWS[0], ROWS[1], line)
    with pytest.raises(UsageError, match=complaint):
        read_handbook(path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "file.csv.gz", HEADER.replace("amount", "sum"), *ROWS)
    with pytest.raises(UsageError, match="line 1: column 'amount' is missing"):
        read_handbook(path)


def test_a_file_that_is_no_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(HEADER)
    with pytest.raises(UsageError, match=r"no gzipped CSV file.*gzip"):
        read_handbook(path)


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "file.csv.gz", HEADER, *ROWS)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(UsageError, match=r"damaged|no gzipped"):
        read_handbook(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_handbook(tmp_path / "nowhere.csv.gz")
