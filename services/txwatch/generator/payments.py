"""Payments as plain columns of numbers, indices into the world, before they become transactions."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import pyarrow as pa

from txwatch.events import AMOUNT_MAX, PaymentMethod
from txwatch.generator.encoding import TRANSACTIONS, decimal_column, time_column
from txwatch.world import World
from txwatch.world.choice import Floats, Indices
from txwatch.world.devices import device_ids
from txwatch.world.geography import COUNTRIES, COUNTRY_PER_USD, COUNTRY_SMALLEST_CENTS
from txwatch.world.identity import salt, transaction_ids, uuid_text

METHODS = tuple(PaymentMethod)
CHIP, CONTACTLESS, SWIPE, ONLINE, WALLET = range(len(METHODS))

_MOST_CENTS = int(AMOUNT_MAX * 100)
_CURRENCY_CODES = pa.array([country.currency for country in COUNTRIES])
_COUNTRY_CODES = pa.array([country.code for country in COUNTRIES])
_METHOD_NAMES = pa.array([method.value for method in METHODS])


@dataclass(frozen=True)
class Payments:
    """Columns of equal length, one entry per payment.

    Attributes:
        customer: index into the world's customers.
        merchant: index into the world's merchants.
        cents: amount in hundredths of the currency's unit.
        currency: the country whose currency it is, an index into COUNTRIES.
        latitude: degrees.
        longitude: degrees.
        country: where it takes place, an index into COUNTRIES.
        device_kind: of `Device`.
        device: device number.
        method: index into METHODS.
    """

    customer: Indices
    merchant: Indices
    cents: Indices
    currency: Indices
    latitude: Floats
    longitude: Floats
    country: Indices
    device_kind: Indices
    device: Indices
    method: Indices

    def __len__(self) -> int:
        return len(self.customer)

    def take(self, rows: Indices) -> Self:
        """Return the given rows, in the given order."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def concatenate(cls, parts: list[Self]) -> Self:
        """Put payments one after the other."""
        return cls(
            **{
                each.name: np.concatenate([getattr(part, each.name) for part in parts])
                for each in fields(cls)
            }
        )

    def put(self, rows: Indices, others: Self) -> None:
        """Replace the given rows by `others`, in place."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(others, field.name)


def local_cents(usd: Floats, currency: Indices) -> Indices:
    """Turn US dollars into payable hundredths of the currency of a country, never below the smallest coin."""
    smallest = COUNTRY_SMALLEST_CENTS[currency]
    coins = np.rint(usd * COUNTRY_PER_USD[currency] * 100 / smallest).astype(np.int64)
    cents: Indices = np.minimum(np.maximum(coins, 1) * smallest, _MOST_CENTS // smallest * smallest)
    return cents


def transactions(
    world: World, payments: Payments, sequences: Indices, occurred_ms: Indices
) -> pa.RecordBatch:
    """Write payments as transactions, a batch of `TRANSACTIONS`."""
    customers, merchants = world.customers, world.merchants
    columns = {
        "transaction_id": uuid_text(transaction_ids(world.seed, sequences, occurred_ms)),
        "customer_id": customers.id_text.take(pa.array(payments.customer)),
        "merchant_id": merchants.id_text.take(pa.array(payments.merchant)),
        "amount": decimal_column(payments.cents),
        "currency": _CURRENCY_CODES.take(pa.array(payments.currency)),
        "occurred_at": time_column(occurred_ms),
        "latitude": pa.array(payments.latitude),
        "longitude": pa.array(payments.longitude),
        "country": _COUNTRY_CODES.take(pa.array(payments.country)),
        "is_foreign": pa.array(payments.country != customers.country[payments.customer]),
        "device_id": device_ids(payments.device_kind, payments.device, salt(world.seed, "device")),
        "payment_method": _METHOD_NAMES.take(pa.array(payments.method)),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=TRANSACTIONS)
