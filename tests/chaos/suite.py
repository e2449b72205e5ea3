"""Rounds of faults on a pipeline under load, after each of which all must be as if nothing had happened."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
import structlog
from aftermath import Outcome, differences, miscount, read_outcome, sent_ids
from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import KafkaException
from control import ControlPlant, is_meant_for_control
from faults import FAULTS, Fault
from plant import WORLD, Load, Plant
from undisturbed import Undisturbed

from oracle.balance import archive_differences, ends

log = structlog.get_logger()

RECOVERY_SECONDS = 240.0
CONTROL_RECOVERY_SECONDS = 90.0

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Strike:
    """One fault that struck."""

    fault: str
    recovered_after_seconds: float | None
    """From the strike until what was appended later had been scored and archived; `None`: never."""
    failure: str | None = None
    """What went otherwise than it has to, beside that."""


@dataclass
class Round:
    """Some faults, and what was there after them."""

    strikes: list[Strike]
    records: int = 0
    """Sent since the beginning."""
    counts: dict[str, int] = field(default_factory=dict)
    balanced: bool = False
    """`txwatch verify` said so."""
    differences: list[str] = field(default_factory=list)
    """From the undisturbed run."""


def draw(kinds: Sequence[Kind], seed: int, count: int) -> list[Kind]:
    """Draw each kind in a random order, then each one again, until there are enough of them, or more."""
    source = random.Random(seed)
    drawn: list[Kind] = []
    while len(drawn) < count:
        drawn += source.sample(kinds, len(kinds))
    return drawn


def schedule(seed: int, count: int, longest: float) -> list[Fault]:
    """Draw so many faults, without those that last longer than that."""
    return [fault for fault in draw(FAULTS, seed, count) if fault.lasts <= longest][:count]


def possible(plant: Plant, faults: Sequence[Fault]) -> tuple[list[Fault], dict[str, str]]:
    """Split faults into those that can be done here and, by name, why the others cannot."""
    reasons = {fault.name: reason for fault in faults if (reason := fault.missing(plant))}
    return [fault for fault in faults if fault.name not in reasons], reasons


def run_ours(
    folder: Path,
    seed: int,
    faults: Sequence[Fault],
    *,
    round_size: int,
    per_second: int,
    sink: str = "driver",
    seconds: float = float("inf"),
    keep: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Run the product through the faults and return the report.

    Args:
        folder: an empty one, for state and logs.
        seed: of the load.
        faults: in their order; those that cannot be done here are left out, and named.
        round_size: how many of them come between two comparisons.
        per_second: records sent per second.
        sink: which of the stream's sinks writes; the undisturbed run always has the driver's.
        seconds: no round begins later than this.
        keep: is given the report after every round.
    """
    deadline = time.monotonic() + seconds
    load = Load(per_second, seed)
    with ExitStack() as stack:
        plant = Plant(folder / "ours", load, sink=sink)
        stack.callback(plant.close)
        undisturbed = Undisturbed(
            folder / "undisturbed", load.arguments(), {**WORLD, "world_seed": load.seed}
        )
        stack.callback(undisturbed.close)
        todo, skipped = possible(plant, faults)
        report: dict[str, Any] = {
            "rounds": [],
            "skipped": skipped,
            "load": load.description,
            "sink": sink,
            "recovered_when": ", and `txwatch labels` had got on",
        }
        rounds = rounds_of(todo, round_size, lambda part: _round(plant, part, undisturbed.outcome_of))
        while time.monotonic() <= deadline and (outcome := next(rounds, None)):
            report["rounds"].append(outcome)
            keep(report)
    return report


def rounds_of(
    faults: Sequence[Kind], round_size: int, run: Callable[[Sequence[Kind]], Round]
) -> Iterator[dict[str, Any]]:
    """Run the faults, so many of them at a time, and yield what the report says of each round."""
    for first in range(0, len(faults), round_size):
        outcome = run(faults[first : first + round_size])
        log.info("round", **outcome.counts, balanced=outcome.balanced, differences=outcome.differences)
        yield asdict(outcome)


def _round(plant: Plant, faults: Sequence[Fault], due_outcome: Callable[[int], Outcome]) -> Round:
    plant.strike()
    plant.recover(RECOVERY_SECONDS)  # the load begins, or goes on after the round before
    outcome = Round([_strike(plant, fault, RECOVERY_SECONDS) for fault in faults])
    outcome.records = plant.end_load()
    plant.drain(lambda: _is_drained(plant))
    outcome.balanced = plant.verify()
    found = read_outcome(plant.settings)
    outcome.counts = found.counts()
    outcome.differences = differences(found, due_outcome(outcome.records))
    return outcome


def _strike(plant: Plant, fault: Fault, patience: float) -> Strike:
    seconds, failure = None, None
    try:
        fault.does(plant)
    except Exception as error:  # noqa: BLE001 - it is a finding, and the next fault has its turn
        failure = f"{type(error).__name__}: {error}"
    plant.set_right()
    try:
        seconds = plant.recover(patience)
    except TimeoutError:
        log.warning("not recovered", name=fault.name)
    log.info("fault", name=fault.name, seconds=seconds, failure=failure)
    return Strike(fault.name, seconds, failure)


def _is_drained(plant: Plant) -> bool:
    try:
        due = {partition: end for partition, end in ends(plant.settings).items() if end}
        return (
            plant.warehouse.ledger_ends() == due
            and plant.warehouse.archive_ends() == due
            and archive_differences(plant.settings) == []
        )
    # A server is on its way back, or what S3 forgot is being written again.
    except (KafkaException, psycopg2.OperationalError, BotoCoreError, ClientError):
        return False


def run_control(folder: Path, seed: int, faults: Sequence[Fault], per_second: int) -> dict[str, Any]:
    """Run the common design through the same faults and return by how much it miscounts."""
    # Without malformed records: one amount of NaN would end it for good, before any fault.
    plant = ControlPlant(folder / "control", Load(per_second, seed, malformed=0.0))
    with ExitStack() as stack:
        stack.callback(plant.close)
        todo, skipped = possible(plant, [fault for fault in faults if is_meant_for_control(fault)])
        plant.strike()
        plant.recover(RECOVERY_SECONDS)
        strikes = [_strike(plant, fault, CONTROL_RECOVERY_SECONDS) for fault in todo]
        plant.end_load()
        sent = sent_ids(plant.settings)
        plant.settle(lambda: miscount(plant.settings, sent).lost == 0)
        outcome = miscount(plant.settings, sent)
    left_out = {fault.name for fault in faults if not is_meant_for_control(fault)}
    return {
        "strikes": [asdict(strike) for strike in strikes],
        "skipped": skipped | dict.fromkeys(sorted(left_out), "the common design has no such part"),
        "miscount": asdict(outcome),
    }


def strikes_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every fault that struck, in order."""
    return [strike for each in report["rounds"] for strike in each["strikes"]]


def is_whole(report: dict[str, Any]) -> bool:
    """Tell whether our rounds all came out even, and every fault was got over as it has to be."""
    strikes = strikes_of(report)
    are_even = all(each["balanced"] and not each["differences"] for each in report["rounds"])
    are_over = all(
        strike["failure"] is None and strike["recovered_after_seconds"] is not None for strike in strikes
    )
    return bool(strikes) and are_even and are_over
