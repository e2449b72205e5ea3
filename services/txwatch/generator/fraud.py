"""Which transactions of an event day are fraud: a plan that depends on the day's number alone.

A scenario's payments are hours apart and so lie in many chunks; planning whole days keeps every sequence a
pure function of the seed all the same.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from txwatch.generator.acting import Script
from txwatch.generator.clock import EventClock
from txwatch.generator.payments import Payments
from txwatch.generator.scenarios import SCENARIOS
from txwatch.world import World
from txwatch.world.choice import Indices
from txwatch.world.identity import salt


@dataclass(frozen=True)
class FraudPlan:
    """What happens at which sequence of one event day instead of an honest payment.

    Attributes:
        sequences: ascending, distinct.
        payments: one for each.
        scenario: index into SCENARIOS, for each.
        is_fraud: false where the rightful owner acts as part of a scenario.
    """

    sequences: Indices
    payments: Payments
    scenario: Indices
    is_fraud: npt.NDArray[np.bool_]

    def within(self, first: int, after: int) -> "FraudPlan":
        """Return the part with sequences from `first` up to, not including, `after`."""
        rows = np.arange(*np.searchsorted(self.sequences, [first, after]))
        return FraudPlan(
            self.sequences[rows], self.payments.take(rows), self.scenario[rows], self.is_fraud[rows]
        )


def plan_day(world: World, clock: EventClock, fraud_share: float, day: int) -> FraudPlan:
    """Plan one event day, 0 for the first, so that about `fraud_share` of its transactions are fraud."""
    draw = np.random.Generator(np.random.Philox(key=(int(salt(world.seed, "fraud")) << 64) | day))
    scripts = []
    for scenario in SCENARIOS:
        mean = clock.per_day * fraud_share * scenario.share / scenario.mean_frauds
        scripts.append(scenario.act(world, draw, int(draw.poisson(mean))))
    return _place(scripts, clock, day)


def _place(scripts: list[Script], clock: EventClock, day: int) -> FraudPlan:
    """Give every scripted payment the sequence nearest to its moment that is still free."""
    ms_of_day = np.concatenate([script.ms_of_day for script in scripts])
    order = np.argsort(ms_of_day, kind="stable")
    sequences = _distinct(clock.sequence_at(day, ms_of_day[order]))
    first, after = clock.sequences_of_day(day)
    kept = (sequences >= first) & (sequences < after)
    rows = order[kept]
    scenario = np.repeat(np.arange(len(scripts)), [len(script.payments) for script in scripts])
    is_fraud = np.concatenate([script.is_fraud for script in scripts])
    payments = Payments.concatenate([script.payments for script in scripts]).take(rows)
    return FraudPlan(sequences[kept], payments, scenario[rows], is_fraud[rows])


def _distinct(sequences: Indices) -> Indices:
    """Push ascending numbers up, as little as needed, until no two are equal."""
    rank = np.arange(len(sequences))
    distinct: Indices = np.maximum.accumulate(sequences - rank) + rank
    return distinct
