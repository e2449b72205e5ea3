"""Arrow tables into Postgres by binary COPY (format: PostgreSQL manual, COPY, Binary Format)."""

import io
from typing import Any

import pgpq
import pyarrow as pa
from pgpq import encoders, schema
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812

JSON_COLUMNS = frozenset({"evidence"})
_READ_SIZE = 1 << 20


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
    cursor.copy_expert(statement, io.BytesIO(encode(rows)), size=_READ_SIZE)


def encode(rows: pa.Table) -> bytes:
    """Return the rows as one binary COPY stream."""
    encoder = pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(
        rows.schema, {field.name: _encoder(field) for field in rows.schema}
    )
    stream = bytearray(encoder.write_header())
    for batch in rows.to_batches():
        stream += encoder.write_batch(batch)
    stream += encoder.finish()
    return bytes(stream)


def _encoder(field: pa.Field) -> Any:
    if field.name in JSON_COLUMNS:
        return encoders.StringEncoderBuilder.new_with_output(field, schema.Jsonb())
    return pgpq.ArrowToPostgresBinaryEncoder.infer_encoder(field)
