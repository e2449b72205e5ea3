"""The chaos suite on a stack of containers: the same question, asked of what `make up` applies.

    python on_stack.py --faults 20 --seed 7 --output docs/chaos-stack.json

The engine is the supervisor: what ends is started again by it, and only what was removed is put back by
`make up`.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import psutil
import structlog
import typer
from aftermath import differences, read_outcome
from applied import Stack, StackShape, docker, holds
from botocore.exceptions import ClientError
from plant import has_got_on
from pytest_docker.plugin import Services
from suite import RECOVERY_SECONDS, Round, Strike, draw, is_whole, rounds_of
from undisturbed import Undisturbed

from oracle.balance import Warehouse
from oracle.deadline import until
from txwatch.generator.progress import ProgressFile
from txwatch.logs import configure_logs

log = structlog.get_logger()

PAUSE_SECONDS = 12.0
LONG_PAUSE_SECONDS = 65.0
_MALFORMED = 0.02
_RUN = "generate"
_PER_SECOND = 100
_KILLED = ("kafka-1", "postgres", "localstack", "stream", "archive", "labels", "generator")
_PAUSED = ("kafka-1", "postgres", "localstack", "stream")


@dataclass(frozen=True)
class StackFault:
    """One thing that can happen to a container."""

    name: str
    does: Callable[[Stack], None]


def kill(stack: Stack, name: str) -> None:
    """Kill -9 what runs in a container, as a crash does: the engine starts the container again."""
    (program,) = psutil.Process(_pid(stack, name)).children()
    program.kill()


def pause(stack: Stack, name: str, seconds: float) -> None:
    docker("pause", f"{stack.name}-{name}")
    time.sleep(seconds)
    docker("unpause", f"{stack.name}-{name}")


def cut_off(stack: Stack, name: str, seconds: float) -> None:
    """Take a container off the network, without a word to those who talk to it."""
    network, container = stack.outputs["network"], f"{stack.name}-{name}"
    aliases = stack.containers()[name]["NetworkSettings"]["Networks"][network]["Aliases"]
    docker("network", "disconnect", network, container)
    time.sleep(seconds)
    named = [word for alias in aliases for word in ("--alias", alias)]
    docker("network", "connect", *named, network, container)


def restart(stack: Stack, name: str) -> None:
    docker("restart", f"{stack.name}-{name}")


def remove(stack: Stack, name: str) -> None:
    """Remove a container as a careless hand does; `make up` puts it back."""
    stack.remove(name)
    stack.up()


def _pid(stack: Stack, name: str) -> int:
    return int(stack.containers()[name]["State"]["Pid"])


def _all_faults() -> Iterator[StackFault]:
    for name in _KILLED:
        yield StackFault(f"kill -9: {name}", partial(kill, name=name))
        yield StackFault(f"restarted: {name}", partial(restart, name=name))
    for name in _PAUSED:
        for seconds in (PAUSE_SECONDS, LONG_PAUSE_SECONDS):
            yield StackFault(
                f"paused for {seconds:.0f} s: {name}", partial(pause, name=name, seconds=seconds)
            )
            yield StackFault(
                f"off the network for {seconds:.0f} s: {name}", partial(cut_off, name=name, seconds=seconds)
            )
        yield StackFault(f"removed, then make up: {name}", partial(remove, name=name))


FAULTS = tuple(_all_faults())


def _strike(stack: Stack, fault: StackFault) -> Strike:
    struck_at = time.time()
    seconds, failure = None, None
    try:
        fault.does(stack)
    except Exception as error:  # noqa: BLE001 - it is a finding, and the next fault has its turn
        failure = f"{type(error).__name__}: {error}"
    over_at = time.time()  # what came while a server was still ending does not count
    if _comes_true(lambda: has_got_on(Warehouse(stack.settings()), over_at) and stack.is_healthy()):
        seconds = round(time.time() - struck_at, 1)
    else:
        failure = failure or "it did not get on, or a container was not healthy again, by itself"
        with suppress(AssertionError):  # what this cannot mend, the comparison tells
            stack.up()
    log.info("fault", name=fault.name, seconds=seconds, failure=failure)
    return Strike(fault.name, seconds, failure)


def _comes_true(condition: Callable[[], bool]) -> bool:
    try:
        until(lambda: holds(condition), RECOVERY_SECONDS)
    except AssertionError:
        return False
    return True


def _records(stack: Stack, folder: Path) -> int:
    """Return how many records the generator has made; it is stopped."""
    assert stack.containers()["generator"]["State"]["ExitCode"] == 0, (
        "it had no time to write where it stands"
    )
    runs = folder / "runs"
    runs.mkdir(exist_ok=True)
    docker("cp", f"{stack.name}-generator:/var/lib/txwatch/runs/{_RUN}.json", str(runs))
    progress = ProgressFile(folder, _RUN).load()
    assert progress is not None
    return progress.acknowledged


@contextmanager
def _applied(folder: Path, seed: int) -> Iterator[Stack]:
    variables = {
        "enable_airflow": False,
        "generator_rate": _PER_SECOND,
        "generator_malformed_share": _MALFORMED,
        "world": {"seed": seed, "customers": 500, "merchants": 100},
    }
    stack = Stack(folder, StackShape("small", variables), Services(None))
    try:
        stack.up()
        stack.wait_for_facts()
        yield stack
    finally:
        stack.keep_logs(folder / "logs")
        stack.down()


@contextmanager
def _undisturbed(folder: Path, world: Mapping[str, int]) -> Iterator[Undisturbed]:
    settings = {f"world_{name}": value for name, value in world.items()}
    undisturbed = Undisturbed(folder, ("--malformed", str(_MALFORMED)), settings)
    try:
        yield undisturbed
    finally:
        undisturbed.close()


def _round(stack: Stack, folder: Path, faults: Sequence[StackFault], undisturbed: Undisturbed) -> Round:
    outcome = Round([_strike(stack, fault) for fault in faults])
    with stack.generator_stopped():
        outcome.balanced = _comes_true(lambda: stack.verify().returncode == 0)
        outcome.records = _records(stack, folder)
        try:
            found = read_outcome(stack.settings())
        except ClientError as error:
            outcome.differences = [f"an archived object cannot be read: {error}"]
            return outcome
        outcome.counts = found.counts()
        outcome.differences = differences(found, undisturbed.outcome_of(outcome.records))
    return outcome


def main(
    *,
    faults: Annotated[int, typer.Option(help="How many faults.")] = len(FAULTS),
    seed: Annotated[int, typer.Option(help="Of the order of the faults, and of the load.")] = 7,
    round_size: Annotated[int, typer.Option(help="Faults between two comparisons.")] = 10,
    output: Annotated[Path, typer.Option(help="The report.")] = Path("chaos-stack.json"),
) -> None:
    """Break an applied stack as a seed says, and tell whether anything was lost or doubled."""
    configure_logs("info")
    folder = Path(tempfile.mkdtemp(prefix="txwatch-chaos-"))
    folder.chmod(0o755)  # Postgres may run as another user
    drawn = draw(FAULTS, seed, faults)[:faults]
    rounds: list[dict[str, Any]] = []
    ours = {
        "rounds": rounds,
        "skipped": {},
        "load": f"{_PER_SECOND} records per second, {_MALFORMED:.0%} of them malformed",
        "sink": "driver",
        "recovered_when": ", and every container was healthy again",
    }
    report = {
        "seed": seed,
        "kinds": [fault.name for fault in FAULTS],
        "processors": os.cpu_count(),
        "control": None,  # the embedded suite has one
        "ours": ours,
    }
    with (
        _applied(folder / "stack", seed) as stack,
        _undisturbed(folder / "undisturbed", stack.variables["world"]) as undisturbed,
    ):
        for outcome in rounds_of(drawn, round_size, lambda part: _round(stack, folder, part, undisturbed)):
            rounds.append(outcome)
            output.write_text(json.dumps(report, indent=1) + "\n")
    if not is_whole(ours):
        typer.echo(f"something is not as it has to be: the logs are in {folder}", err=True)
        raise typer.Exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    typer.run(main)
