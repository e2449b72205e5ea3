"""The event contract: what a transaction and a fraud label are, on the wire and in every store.

The wire format is JSON (RFC 8259), one object per Kafka record, fields in the order of `Transaction`,
keyed by `customer_id`. Spark's schema (`SPARK_SCHEMA`) is derived from the model; the Postgres DDL in
services/warehouse is tested against it.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

AMOUNT_MAX = Decimal("99999999.99")
"""The largest amount of one transaction, in any currency; more is taken for a fault of the sender."""

AMOUNT_PLACES = 2
MAX_EVENT_BYTES = 64 * 1024
DEVICE_ID_MAX = 64
DEVICE_ID_PATTERN = rf"^[A-Za-z0-9._:-]{{1,{DEVICE_ID_MAX}}}$"
OCCURRED_AT_MIN = datetime(2000, 1, 1, tzinfo=UTC)
"""Events that claim to be older are taken for a sender's broken clock."""
SENDABLE_BEFORE = datetime(2100, 1, 1, tzinfo=UTC)
"""Where the time of made-up and of outside transactions ends."""

CURRENCIES = frozenset(
    "AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KES KRW MAD MXN MYR "
    "NGN NOK NZD PEN PHP PLN RON SAR SEK SGD THB TRY TWD UAH USD VND ZAR".split(),
)
"""ISO 4217 codes accepted unless `TXWATCH_CURRENCIES` says otherwise."""

COUNTRIES = frozenset(
    (  # ISO 3166-1 alpha-2, all 249 officially assigned codes
        "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS "
        "BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE "
        "EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM "
        "HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC "
        "LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA "
        "NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW "
        "SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO "
        "TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
    ).split(),
)


class PaymentMethod(StrEnum):
    """How the card was used."""

    CHIP = "chip"
    CONTACTLESS = "contactless"
    SWIPE = "swipe"
    ONLINE = "online"
    WALLET = "wallet"


class QuarantineReason(StrEnum):
    """Why a record is not a transaction. The order is the order in which the checks are made."""

    TOMBSTONE = "tombstone"
    EMPTY = "empty"
    OVERSIZED = "oversized"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_KEY = "duplicate_key"
    MISSING_FIELD = "missing_field"
    NULL_FIELD = "null_field"
    UNKNOWN_FIELD = "unknown_field"
    WRONG_TYPE = "wrong_type"
    BAD_UUID = "bad_uuid"
    AMOUNT_NOT_FINITE = "amount_not_finite"
    AMOUNT_NEGATIVE = "amount_negative"
    AMOUNT_ZERO = "amount_zero"
    AMOUNT_PLACES = "amount_places"
    AMOUNT_ABSURD = "amount_absurd"
    UNKNOWN_CURRENCY = "unknown_currency"
    BAD_TIME = "bad_time"
    NO_TIME_ZONE = "no_time_zone"
    TOO_FAR_IN_FUTURE = "too_far_in_future"
    TOO_OLD = "too_old"
    UNKNOWN_COUNTRY = "unknown_country"
    BAD_DEVICE_ID = "bad_device_id"
    UNKNOWN_PAYMENT_METHOD = "unknown_payment_method"
    UNREADABLE = "unreadable"  # passed every check here and was refused by the decoder: a fault of ours


def _two_places(amount: Decimal) -> Decimal:
    rounded = amount.quantize(Decimal(1).scaleb(-AMOUNT_PLACES))
    if rounded != amount:
        raise ValueError("amount must have at most two decimal places")
    return rounded


def format_time(moment: datetime) -> str:
    """Write a moment as the contract does: RFC 3339, UTC, milliseconds: `2026-01-31T23:59:59.000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


Amount = Annotated[Decimal, Field(gt=0, le=AMOUNT_MAX), AfterValidator(_two_places)]
Moment = Annotated[AwareDatetime, PlainSerializer(format_time, return_type=str, when_used="json")]


class Transaction(BaseModel):
    """One card transaction as the payment network reports it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transaction_id: UUID = Field(description="UUIDv7 (RFC 9562): its first 48 bits are occurred_at in ms")
    customer_id: UUID = Field(description="who pays; the record's key")
    merchant_id: UUID = Field(description="who is paid")
    amount: Amount = Field(description="in `currency`, two decimal places, a JSON number")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")
    occurred_at: Moment = Field(description="RFC 3339 with a time zone, written in UTC")
    latitude: float = Field(allow_inf_nan=False, description="degrees; outside [-90, 90] is a fraud signal")
    longitude: float = Field(
        allow_inf_nan=False, description="degrees; outside [-180, 180] is a fraud signal"
    )
    country: str = Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2, where it took place")
    is_foreign: bool = Field(description="it took place outside the customer's home country")
    device_id: str = Field(pattern=DEVICE_ID_PATTERN, description="the card, phone or browser that was used")
    payment_method: PaymentMethod = Field(description="how the card was used")


class FraudLabel(BaseModel):
    """Ground truth on one transaction, known only after the fact (a chargeback, an investigation)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transaction_id: UUID
    is_fraud: bool
    scenario: str | None = Field(default=None, description="the fraud scenario, where it is known")
    known_at: Moment = Field(description="when the truth became known; nothing may use it before")


FIELDS: tuple[str, ...] = tuple(Transaction.model_fields)

SPARK_TYPES: dict[str, str] = {
    "amount": "decimal(12,2)",
    "occurred_at": "timestamp",
    "latitude": "double",
    "longitude": "double",
    "is_foreign": "boolean",
}
"""The fields that are no strings in Spark."""

SPARK_SCHEMA = ", ".join(f"{name} {SPARK_TYPES.get(name, 'string')}" for name in FIELDS)
"""The event's columns as Spark DDL, as rules see them: ids are texts."""

UUID_PATTERN = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
"""The canonical text form of RFC 9562, lower case."""


def canonical_json(transaction: Transaction) -> bytes:
    """Write a transaction as our producers do: no white space, times in ms, degrees with 1 to 6 decimals."""
    fields = {
        **{name: f'"{value}"' for name, value in transaction.model_dump(mode="json").items()},
        "amount": f"{transaction.amount:.2f}",
        "latitude": _degrees(transaction.latitude),
        "longitude": _degrees(transaction.longitude),
        "is_foreign": "true" if transaction.is_foreign else "false",
    }
    return ("{" + ",".join(f'"{name}":{fields[name]}' for name in FIELDS) + "}").encode()


def _degrees(value: float) -> str:
    plain = f"{round(value, 6) + 0.0:.6f}".rstrip("0")
    return plain + "0" if plain.endswith(".") else plain
