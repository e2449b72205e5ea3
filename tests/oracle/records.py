"""Raw records as the stream reads them, with values from the whole range of each field."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from txwatch.events import COUNTRIES, CURRENCIES, PaymentMethod
from txwatch.stream.decoding import RECORD_SCHEMA

APPENDED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVENT = (
    '{"transaction_id":"019ca8f0-0000-7000-8000-%012x","customer_id":"7d444840-9dc0-41d1-b245-5ffdce74fad2",'
    '"merchant_id":"0e37df36-f698-41e6-8d75-9d28f9f7b6f1","amount":%s,"currency":"%s","occurred_at":"%s",'
    '"latitude":%s,"longitude":%s,"country":"%s","is_foreign":%s,"device_id":"%s","payment_method":"%s"}'
)


def canonical(number: int, rng: random.Random) -> bytes:
    """One event in canonical form with values from the whole range of each field."""
    occurred_at = APPENDED_AT - timedelta(milliseconds=rng.randrange(10**11))
    return (
        EVENT
        % (
            number,
            f"{rng.randrange(1, 10 ** rng.randrange(2, 10)) / 100:.2f}",
            rng.choice(sorted(CURRENCIES)),
            occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            f"{rng.uniform(-200, 200):.{rng.randrange(7)}f}",
            f"{rng.uniform(-400, 400):.{rng.randrange(7)}f}",
            rng.choice(sorted(COUNTRIES)),
            rng.choice(["true", "false"]),
            "".join(rng.choices("abcXYZ019._:-", k=rng.randrange(1, 65))),
            rng.choice(list(PaymentMethod)),
        )
    ).encode()


def records(values: Sequence[bytes | None], partition: int = 0, first: int = 0) -> pa.Table:
    """Lay values out as records of one partition, from an offset on."""
    count = len(values)
    columns = [["t"] * count, [partition] * count, range(first, first + count), [APPENDED_AT] * count]
    return pa.table([*columns, [b"key"] * count, values], schema=RECORD_SCHEMA)
