"""The made-up run: honest payments with fraud among them, as records, any stretch of them at any time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from txwatch.generator.clock import DAY_MS, EventClock
from txwatch.generator.encoding import encode
from txwatch.generator.faults import Faults
from txwatch.generator.fraud import FraudPlan, plan_day
from txwatch.generator.honest import clock_choice, honest_payments
from txwatch.generator.partitions import key_hashes
from txwatch.generator.payments import transactions
from txwatch.generator.scenarios import SCENARIOS
from txwatch.generator.source import Labels, Parameters, Records
from txwatch.world import World
from txwatch.world.choice import GroupedChoice, Indices
from txwatch.world.identity import salt, transaction_ids, uniform, uuid_text

CHUNK = 16_384
"""Records that are drawn together. Changing it changes every event of every seed."""

SHORTEST_DELAY_DAYS = 1.0
LONGEST_DELAY_DAYS = 30.0


@dataclass(frozen=True)
class Recipe:
    """What to make, apart from the world.

    Attributes:
        start_ms: when the first transaction may happen, milliseconds since 1970.
        per_customer_day: transactions of an average customer in one day of event time.
        fraud_share: of all transactions, 0 to 1.
        malformed_share: of all records.
        repeated_share: of all records.
    """

    start_ms: int
    per_customer_day: float = 4.0
    fraud_share: float = 0.008
    malformed_share: float = 0.0
    repeated_share: float = 0.0


@dataclass(frozen=True)
class Synthesis:
    """An endless `Source` of made-up transactions."""

    world: World
    recipe: Recipe
    total: int | None = None
    longest_label_delay_ms: int = int(LONGEST_DELAY_DAYS * DAY_MS)
    _plans: dict[int, FraudPlan] = field(default_factory=dict, repr=False)
    _chunks: dict[int, Records] = field(default_factory=dict, repr=False)

    @cached_property
    def clock(self) -> EventClock:
        """The event clock."""
        per_day = max(1, round(len(self.world.customers) * self.recipe.per_customer_day))
        return EventClock.of(self.world, self.recipe.start_ms, per_day)

    @cached_property
    def _clocks(self) -> GroupedChoice:
        return clock_choice(self.world)

    @cached_property
    def _faults(self) -> Faults:
        return Faults.of(self.world.seed, self.recipe.malformed_share, self.recipe.repeated_share)

    @property
    def parameters(self) -> Parameters:
        """Everything that the bytes depend on."""
        return {
            "seed": self.world.seed,
            "customers": len(self.world.customers),
            "merchants": len(self.world.merchants),
            "start_ms": self.recipe.start_ms,
            "per_customer_day": self.recipe.per_customer_day,
            "fraud_share": self.recipe.fraud_share,
            "malformed_share": self.recipe.malformed_share,
            "repeated_share": self.recipe.repeated_share,
        }

    def records(self, first: int, after: int) -> Iterator[Records]:
        """Yield the records of a range of sequences, in order."""
        for chunk in range(first // CHUNK, -(-after // CHUNK)):
            yield self._chunk(chunk).between(first, after)

    def _chunk(self, chunk: int) -> Records:
        if chunk not in self._chunks:
            self._chunks.clear()  # a run goes forward: one chunk is enough
            self._chunks[chunk] = self._make(chunk)
        return self._chunks[chunk]

    def _make(self, chunk: int) -> Records:
        batch = self.transactions(chunk)
        values: list[bytes | None] = encode(batch).to_pylist()
        originals = self._faults.apply(chunk * CHUNK, values)
        keys = batch.column("customer_id").take(pa.array(originals))
        return Records(chunk * CHUNK, keys.view(pa.binary()).to_pylist(), values, key_hashes(keys))

    def transactions(self, chunk: int) -> pa.RecordBatch:
        """Make all transactions of one chunk, before any is spoilt, as a batch of `TRANSACTIONS`."""
        sequences = np.arange(chunk * CHUNK, (chunk + 1) * CHUNK)
        occurred_ms = self.clock.occurred_ms(sequences)
        draw = np.random.Generator(np.random.Philox(key=(int(salt(self.world.seed, "honest")) << 64) | chunk))
        payments = honest_payments(self.world, self._clocks, draw, occurred_ms)
        for plan in self._plans_within(chunk * CHUNK, (chunk + 1) * CHUNK):
            payments.put(plan.sequences - chunk * CHUNK, plan.payments)
        return transactions(self.world, payments, sequences, occurred_ms)

    def _plans_within(self, first: int, after: int) -> Iterator[FraudPlan]:
        """Yield what the plans of a range's days hold of that range."""
        days = range(self.clock.day_of(first), self.clock.day_of(after - 1) + 1)
        for day in [kept for kept in self._plans if kept not in days]:
            del self._plans[day]
        for day in days:
            if day not in self._plans:
                self._plans[day] = plan_day(self.world, self.clock, self.recipe.fraud_share, day)
            yield self._plans[day].within(first, after)

    def labels(self, first: int, after: int) -> Labels:
        """Return the labels of a range; a fraud whose record is malformed or a repetition has none."""
        labels = Labels()
        if first < after:
            for plan in self._plans_within(first, after):
                sent = plan.is_fraud & ~np.isin(plan.sequences, self._faults.replaced(first, after))
                labels += self._labels(plan.sequences[sent], plan.scenario[sent])
        return labels

    def _labels(self, sequences: Indices, scenario: Indices) -> Labels:
        occurred_ms = self.clock.occurred_ms(sequences)
        return Labels(
            uuid_text(transaction_ids(self.world.seed, sequences, occurred_ms)).to_pylist(),
            occurred_ms + _delay_ms(self.world.seed, sequences),
            [SCENARIOS[index].name for index in scenario.tolist()],
        )

    def occurred_ms(self, sequence: int) -> int:
        """Return the event time of a sequence, milliseconds since 1970."""
        return int(self.clock.occurred_ms(np.array([sequence]))[0])

    def sequence_after(self, moment_ms: int) -> int:
        """Return a sequence that, like all later ones, happens at the moment or later."""
        return self.clock.sequence_after(moment_ms)


def _delay_ms(seed: int, sequences: Indices) -> Indices:
    """Return how long it takes until a fraud is known: a day to a month, half of them within nine days."""
    chance = uniform(sequences, salt(seed, "label delay")) ** 2
    days = SHORTEST_DELAY_DAYS + (LONGEST_DELAY_DAYS - SHORTEST_DELAY_DAYS) * chance
    return (days * DAY_MS).astype(np.int64)
