"""A file of outside transactions, good and bad: bad ones get one sentence that names the line."""

import gzip
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from oracle.anything import refusal
from txwatch.errors import UsageError
from txwatch.generator.handbook import COLUMNS, read_handbook
from txwatch.generator.replay import Replay

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
        (ROWS[2].replace("1108.8500000000001", "1e308"), "line 4: amount is more than 99999999.99"),
        (ROWS[2].replace(",2,", ",-2,"), "line 4: customer_id is negative"),
        (ROWS[2].replace("39.91178", "1e308"), "line 4: latitude is not in degrees"),
        (ROWS[2].replace("-99.45471", "-inf"), "line 4: customer_longitude is not in degrees"),
        (ROWS[2].replace("2018", "9999"), "line 4: timestamp is not from 2000 on and before 2100"),
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


_BYTES = st.binary(max_size=200)
_FIELD = st.text(max_size=8) | st.floats().map(repr) | st.integers(-(2**70), 2**70).map(str)
_FIELD |= st.datetimes().map(lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}")
_FIELD |= st.sampled_from(
    ["", '"', "\0", "\x1b[2J", "a\rb", "a\u2028b", "nan", "inf", "1e308", "-0.0", "128"]
)
_ROW = st.dictionaries(st.integers(0, len(COLUMNS) - 1), _FIELD, max_size=2).map(
    lambda changes: ",".join(changes.get(at, field) for at, field in enumerate(ROWS[0].split(",")))
)
_HEADER = st.sampled_from([HEADER, f" {HEADER} ", f"\ufeff{HEADER}", f"{HEADER},amount", f"{HEADER},"])
_LINES = st.tuples(_HEADER, st.lists(_ROW | st.text(max_size=40), max_size=3)).map(lambda t: [t[0], *t[1]])
_CSV = st.tuples(st.sampled_from(["\n", "\r\n", "\r"]), _LINES).map(lambda t: t[0].join([*t[1], ""]).encode())
_GZIP = (_BYTES | _CSV).map(lambda content: gzip.compress(content, mtime=0))
_DAMAGED = st.tuples(_GZIP, st.integers(0, 300), st.binary(min_size=1, max_size=3)).map(
    lambda t: t[0][: t[1]] + t[2] + t[0][t[1] + len(t[2]) :]
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that every example writes anew."""
    return tmp_path_factory.mktemp("handbook") / "file.csv.gz"


@how(max_examples=1000, derandomize=True, database=None)
@given(_BYTES | _CSV | _GZIP | _DAMAGED)
def test_any_bytes_are_sent_or_refused_in_a_sentence_that_names_the_file(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with warnings.catch_warnings(action="error"):
        sentence = refusal(lambda: assert_sent(Replay(read_handbook(file), file.name)))
    if sentence is not None:
        assert sentence.startswith(str(file))
        assert sentence.isprintable()


def assert_sent(source: Replay) -> None:
    assert sum(map(len, source.records(0, source.total))) == source.total
    assert len(list(source.labels(0, source.total).encode())) == source.rows.is_fraud.sum()
