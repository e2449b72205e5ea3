"""Outside transactions as a run: a file's rows become records, labels and dimensions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from txwatch.generator.clock import DAY_MS
from txwatch.generator.encoding import TRANSACTIONS, decimal_column, encode, time_column
from txwatch.generator.handbook import OutsideTransactions
from txwatch.generator.partitions import key_hashes
from txwatch.generator.payments import CHIP, CONTACTLESS, METHODS, SWIPE
from txwatch.generator.source import Labels, Parameters, Records
from txwatch.world import CUSTOMER_COLUMNS, MERCHANT_COLUMNS
from txwatch.world.choice import Floats, Indices
from txwatch.world.devices import Device, device_ids, own_device
from txwatch.world.identity import entity_ids, salt, transaction_ids, uniform, uuid_column, uuid_text

SEED = "handbook"
"""Takes the place of the world's seed: the file's ids become UUIDs that no made-up world has."""

LABEL_DELAY_MS = 7 * DAY_MS
"""The handbook's own assumption: a fraud is known a week after the transaction."""
CURRENCY, COUNTRY = "USD", "US"

_SLICE = 16_384
_METHODS = pa.array([METHODS[method].value for method in (CHIP, CONTACTLESS, SWIPE)])
_METHODS_RUNNING = np.array([0.45, 0.85])


def shift_to_now_ms(rows: OutsideTransactions, now_ms: int) -> int:
    """Return how many milliseconds, in whole days, the rows can be moved without reaching past now."""
    return int((now_ms - int(rows.occurred_ms[-1])) // DAY_MS * DAY_MS) if len(rows) else 0


@dataclass(frozen=True)
class Replay:
    """A `Source` of a file's rows; the sequence is the row's place in the file.

    What the file does not say is made up without touching what it does: every payment is in person, with the
    customer's one card, in US dollars, in the United States.

    Attributes:
        rows: of the file.
        name: of the file; a run is only resumed with the same.
        shift_ms: added to the file's times.
    """

    rows: OutsideTransactions
    name: str
    shift_ms: int = 0
    longest_label_delay_ms: int = LABEL_DELAY_MS

    @property
    def total(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def parameters(self) -> Parameters:
        """Everything that the bytes depend on."""
        return {"file": self.name, "shift_ms": self.shift_ms}

    @cached_property
    def _occurred_ms(self) -> Indices:
        return self.rows.occurred_ms + self.shift_ms

    def records(self, first: int, after: int) -> Iterator[Records]:
        """Yield the records of a range of sequences, in order."""
        for start in range(first, min(after, self.total), _SLICE):
            batch = self.transactions(start, min(start + _SLICE, after, self.total))
            keys = batch.column("customer_id")
            yield Records(
                start, keys.view(pa.binary()).to_pylist(), encode(batch).to_pylist(), key_hashes(keys)
            )

    def transactions(self, first: int, after: int) -> pa.RecordBatch:
        """Return rows as a batch of `TRANSACTIONS`."""
        rows, part = self.rows, slice(first, after)
        customer = rows.customer_id[part]
        card = np.full(len(customer), Device.CARD, dtype=np.int64)
        columns = {
            "transaction_id": self._transaction_ids(np.arange(first, after)),
            "customer_id": uuid_text(customer_ids(customer)),
            "merchant_id": uuid_text(merchant_ids(rows.merchant_id[part])),
            "amount": decimal_column(rows.cents[part]),
            "currency": pa.repeat(CURRENCY, len(customer)),
            "occurred_at": time_column(self._occurred_ms[part]),
            "latitude": pa.array(rows.latitude[part]),
            "longitude": pa.array(rows.longitude[part]),
            "country": pa.repeat(COUNTRY, len(customer)),
            "is_foreign": pa.repeat(False, len(customer)),
            "device_id": device_ids(card, own_device(customer, card), salt(SEED, "device")),
            "payment_method": _payment_methods(rows.transaction_id[part]),
        }
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=TRANSACTIONS)

    def _transaction_ids(self, sequences: Indices) -> pa.StringArray:
        numbers = self.rows.transaction_id[sequences]
        return uuid_text(transaction_ids(SEED, numbers, self._occurred_ms[sequences]))

    def labels(self, first: int, after: int) -> Labels:
        """Return the labels of a range of sequences; the file names no scenario."""
        sequences = first + np.flatnonzero(self.rows.is_fraud[first:after])
        return Labels(
            self._transaction_ids(sequences).to_pylist(),
            self._occurred_ms[sequences] + LABEL_DELAY_MS,
            [None] * len(sequences),
        )

    def occurred_ms(self, sequence: int) -> int:
        """Return the event time of a sequence, or of the last row after the end."""
        return int(self._occurred_ms[min(sequence, self.total - 1)]) if self.total else 0

    def sequence_after(self, moment_ms: int) -> int:
        """Return the first sequence that happens at the moment or later."""
        return int(np.searchsorted(self._occurred_ms, moment_ms))

    def customer_dimension(self) -> pa.Table:
        """Return the file's customers as rows of core.dim_customer (`CUSTOMER_COLUMNS`)."""
        rows = self.rows
        numbers, first = np.unique(rows.customer_id, return_index=True)
        return _dimension(
            CUSTOMER_COLUMNS,
            customer_id=uuid_column(customer_ids(numbers)),
            name=pa.array([f"Customer {number}" for number in numbers.tolist()]),
            home_country=pa.repeat(COUNTRY, len(numbers)),
            home_latitude=_floats(rows.customer_latitude, first),
            home_longitude=_floats(rows.customer_longitude, first),
            currency=pa.repeat(CURRENCY, len(numbers)),
        )

    def merchant_dimension(self) -> pa.Table:
        """Return the file's merchants as rows of core.dim_merchant (`MERCHANT_COLUMNS`)."""
        rows = self.rows
        numbers, first = np.unique(rows.merchant_id, return_index=True)
        return _dimension(
            MERCHANT_COLUMNS,
            merchant_id=uuid_column(merchant_ids(numbers)),
            name=pa.array([f"Merchant {number}" for number in numbers.tolist()]),
            country=pa.repeat(COUNTRY, len(numbers)),
            latitude=_floats(rows.latitude, first),
            longitude=_floats(rows.longitude, first),
        )


def customer_ids(numbers: Indices) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the UUIDs, shape (n, 16), of the file's customer numbers."""
    return entity_ids(SEED, "customer", numbers)


def merchant_ids(numbers: Indices) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the UUIDs, shape (n, 16), of the file's merchant numbers."""
    return entity_ids(SEED, "merchant", numbers)


def _payment_methods(numbers: Indices) -> pa.StringArray:
    chance = uniform(numbers, salt(SEED, "payment method"))
    return _METHODS.take(pa.array(np.searchsorted(_METHODS_RUNNING, chance, side="right")))


def _floats(column: Floats, rows: Indices) -> pa.DoubleArray:
    return pa.array(column[rows])


def _dimension(schema: pa.Schema, **columns: pa.Array) -> pa.Table:
    """Fill a dimension's table; what the file does not tell is null."""
    count = len(next(iter(columns.values())))
    arrays = [columns.get(field.name, pa.nulls(count, field.type)) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
