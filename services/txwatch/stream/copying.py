"""Arrow tables into Postgres by binary COPY (format: PostgreSQL manual, COPY, Binary Format)."""

import io
from collections.abc import Iterator
from typing import Any

import pgpq
import pyarrow as pa
from pgpq import encoders, schema
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812

JSON_COLUMNS = frozenset({"evidence"})
_READ_SIZE = 1 << 20
_PIECE_ROWS = 5_000


def copy_into(cursor: Cursor, table: tuple[str, ...], rows: pa.Table) -> None:
    """Append all rows of an Arrow table to a Postgres table with columns of the same names.

    Args:
        cursor: of an open transaction.
        table: the table's name, or schema and name.
        rows: 16-byte fixed size binaries go to uuid, decimal128 to numeric, `JSON_COLUMNS` to jsonb.
    """
    if rows.num_rows == 0:
        return
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(*table), sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    )
    cursor.copy_expert(statement, _Pieces(encoded(rows)), size=_READ_SIZE)


def encoded(rows: pa.Table) -> Iterator[bytes]:
    """Yield the rows as the pieces of one binary COPY stream."""
    encoder = pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(
        rows.schema, {field.name: _encoder(field) for field in rows.schema}
    )
    yield encoder.write_header()
    for batch in rows.to_batches(max_chunksize=_PIECE_ROWS):
        yield encoder.write_batch(batch)
    yield encoder.finish()


class _Pieces(io.RawIOBase):
    """Pieces of a stream as a file that is read once: each is made when the one before it has been read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        """Return up to so many bytes of one piece; none at the end."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = memoryview(piece)
        taken = bytes(self._left[:size])
        self._left = self._left[len(taken) :]
        return taken


def _encoder(field: pa.Field) -> Any:
    if field.name in JSON_COLUMNS:
        return encoders.StringEncoderBuilder.new_with_output(field, schema.Jsonb())
    return pgpq.ArrowToPostgresBinaryEncoder.infer_encoder(field)
