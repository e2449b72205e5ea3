"""Everything that is done to a pipeline under load, by name. A fault returns when it has struck.

Each one notes on the plant when it struck (`strike`). What has to be taken away again is taken away here;
what has to be started again is left to the plant's `tend`, as in life to a supervisor.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
import psutil
from botocore.exceptions import ClientError
from hooked_stream import STEPS, STRUCK
from plant import Plant, fake_time_library
from verbs import Verb

from oracle.deadline import until
from txwatch.postgres import connect

TIMEOUT_SECONDS = 65.0
"""Longer than every timeout of the stream's connections (idle in a transaction: 60 s)."""
PAUSE_SECONDS = 12.0
_PATIENCE_SECONDS = 240.0
_FENCED = "has taken over from epoch"
_WRITERS = "select {} from pg_stat_activity where {}"
_BINARY_COPY = b"PGCOPY\n\xff"
"""How a binary COPY begins (PostgreSQL manual, COPY, Binary Format)."""


@dataclass(frozen=True)
class Fault:
    """One thing that can happen."""

    name: str
    does: Callable[[Plant], None]
    lasts: float = 20.0
    """Roughly, in seconds: what a short round leaves out."""
    missing: Callable[[Plant], str | None] = lambda _: None
    """Why it cannot be done here; `None`: it can."""


def kill_jvm(plant: Plant) -> None:
    """Kill -9 Spark's driver; the Python beside it has to end and say why."""
    stream = plant.verbs["stream"]
    jvm = stream.jvm()
    plant.strike()
    if jvm is not None:
        jvm.kill()
    code = stream.ended()
    if jvm is not None and plant.is_txwatch:
        assert code == 1
        assert "Spark's JVM has ended" in stream.log.read_text()


def kill_python(plant: Plant, name: str) -> None:
    """Kill -9 a program; where it has a JVM, that has to go by itself."""
    jvm = plant.verbs[name].jvm()
    plant.strike()
    plant.verbs[name].kill_itself()
    until(lambda: jvm is None or not jvm.is_running(), _PATIENCE_SECONDS)


def terminate_stream(plant: Plant) -> None:
    """Ask the stream to end: it has to finish the batch in flight and end well."""
    plant.strike()
    code = plant.verbs["stream"].terminate()
    assert code == 0 or not plant.is_txwatch


def kill_backend(plant: Plant) -> None:
    """Kill -9 the server's process that serves the stream: Postgres then ends all of them and recovers."""
    pids = list[int]()

    def are_found() -> bool:
        pids[:] = [row[0] for row in _as_superuser(plant, _WRITERS.format("pid", plant.writer))]
        return bool(pids)

    until(are_found, _PATIENCE_SECONDS)
    plant.strike()
    for pid in pids:
        psutil.Process(pid).kill()


def terminate_backend(plant: Plant) -> None:
    terminate = _WRITERS.format("pg_terminate_backend(pid)", plant.writer)
    plant.strike()
    until(lambda: bool(_as_superuser(plant, terminate)), _PATIENCE_SECONDS)


def kill_server(plant: Plant, name: str) -> None:
    plant.strike()
    plant.kill_server(name)


def empty_bucket(plant: Plant) -> None:
    plant.strike()
    _bucket(plant).objects.all().delete()


def freeze_server(plant: Plant, name: str, seconds: float = PAUSE_SECONDS) -> None:
    plant.strike()
    plant.signal_server(name, signal.SIGSTOP)
    time.sleep(seconds)
    plant.signal_server(name, signal.SIGCONT)


def freeze_program(plant: Plant, name: str, seconds: float = PAUSE_SECONDS) -> None:
    plant.strike()
    plant.verbs[name].signal_all(signal.SIGSTOP)
    time.sleep(seconds)
    plant.verbs[name].signal_all(signal.SIGCONT)


def wake_zombie(plant: Plant) -> None:
    """Freeze the stream, let another one take over, wake the first one: it must write nothing and say so."""
    zombie = plant.verbs["stream"]
    plant.strike()
    zombie.signal_all(signal.SIGSTOP)
    plant.start("stream")
    plant.recover(_PATIENCE_SECONDS)
    plant.strike()
    zombie.signal_all(signal.SIGCONT)
    _expect_end(plant, zombie)


def start_second_stream(plant: Plant) -> None:
    first = plant.verbs["stream"]
    plant.start("stream")
    _expect_end(plant, first)
    plant.strike()


def start_two_streams(plant: Plant) -> None:
    """End the stream and start two at the same time: one of them has to find out that it is one too many."""
    plant.verbs["stream"].close()
    plant.strike()
    both = [plant.start("stream"), plant.start("stream")]
    if not plant.is_txwatch:
        time.sleep(2 * PAUSE_SECONDS)
        both[0].close()
        return
    until(lambda: not all(stream.is_running() for stream in both), _PATIENCE_SECONDS)
    (left,) = (stream for stream in both if stream.is_running())
    plant.verbs["stream"] = left
    both.remove(left)
    _expect_end(plant, both[0])


def _expect_end(plant: Plant, stream: Verb) -> None:
    """Wait until a stream that was taken over from has ended by itself; end one that never does."""
    if not plant.is_txwatch:
        time.sleep(2 * PAUSE_SECONDS)
        stream.close()
        return
    assert stream.ended(_PATIENCE_SECONDS) == 1
    assert _FENCED in stream.log.read_text()


def delay(plant: Plant, name: str) -> None:
    plant.strike()
    plant.wires[name].delay_seconds = 0.15
    time.sleep(PAUSE_SECONDS)
    plant.wires[name].release()


def reset(plant: Plant, name: str) -> None:
    plant.strike()
    plant.wires[name].reset()


def reset_in_copy(plant: Plant) -> None:
    plant.wires["postgres"].break_in(_BINARY_COPY)
    assert plant.wires["postgres"].broken.wait(_PATIENCE_SECONDS)
    plant.strike()


def hold(plant: Plant, name: str) -> None:
    """Half-open: both ends wait on a silent connection; then it is found to be dead."""
    plant.strike()
    plant.wires[name].hold()
    time.sleep(PAUSE_SECONDS)
    plant.wires[name].reset()
    plant.wires[name].release()


def fill_disk(plant: Plant, name: str) -> None:
    plant.strike()
    plant.disks[name].fill()
    time.sleep(PAUSE_SECONDS)
    plant.disks[name].free()


def no_disk(plant: Plant) -> str | None:
    return None if plant.disks else "needs a disk of its own: root, and the right to mount"


def break_at(plant: Plant, step: str, how: str) -> None:
    """Let a stream with a breaker take over and wait until it has struck."""
    if not plant.is_txwatch:
        plant.verbs["stream"].terminate()  # it would go on beside the other
    program = [*plant.hooks[step], how]
    plant.start("stream", program)

    def has_struck() -> bool:
        hooked = plant.verbs["stream"]
        is_over = not hooked.is_running()
        if STRUCK in hooked.log.read_text():
            return True
        if is_over and not plant.is_txwatch:  # which ends once after a batch that it had to repeat
            plant.start("stream", program)
        return False

    until(has_struck, _PATIENCE_SECONDS)
    plant.strike()
    if how == "kill":
        assert plant.verbs["stream"].ended() == -signal.SIGKILL


def set_clock_back(plant: Plant) -> None:
    """Kill the generator, start it under a clock of its own, and set that an hour back in mid-run."""
    offset = plant.folder / "clock"
    offset.write_text("+0")
    plant.verbs["generate"].kill_itself()
    clock = {
        "LD_PRELOAD": str(fake_time_library()),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    plant.start("generate", extra=clock)
    plant.recover(_PATIENCE_SECONDS)
    plant.strike()
    offset.write_text("-3600")


def no_fake_time(_: Plant) -> str | None:
    return None if fake_time_library() else "needs libfaketime (Debian package faketime)"


def harm_checkpoint(plant: Plant, how: str) -> None:
    """Kill the driver and harm its checkpoint on S3, so that the next start has to do with it."""
    bucket = _bucket(plant)
    old = dict(_contents(bucket, "checkpoints/"))
    if how == "restored":
        plant.strike()
        plant.recover(_PATIENCE_SECONDS)  # some batches on
    plant.strike()
    plant.verbs["stream"].signal_all(signal.SIGKILL)
    plant.verbs["stream"].ended()
    bucket.objects.filter(Prefix="checkpoints/").delete()
    for key, body in old.items():
        if how != "deleted":
            bucket.put_object(Key=key, Body=body if how == "restored" else body[: len(body) // 2])


def _contents(bucket: Any, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in bucket.objects.filter(Prefix=prefix):
        with suppress(ClientError):  # Spark has just deleted it
            yield item.key, item.get()["Body"].read()


def no_hook(step: str, plant: Plant) -> str | None:
    return None if step in plant.hooks else "no such step"


def no_verb(name: str, plant: Plant) -> str | None:
    return None if name in plant.programs else f"`txwatch {name}` is not there"


def _bucket(plant: Plant) -> Any:
    return boto3.resource("s3", **plant.settings.s3()).Bucket(plant.settings.s3_bucket)


def _as_superuser(plant: Plant, statement: str) -> list[tuple[Any, ...]]:
    with closing(connect(plant.runtime.superuser())) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def _all_faults() -> Iterator[Fault]:
    yield Fault("kill -9: the stream's JVM", kill_jvm)
    yield Fault("kill -9: the stream's Python", partial(kill_python, name="stream"))
    yield Fault("terminated: the stream", terminate_stream)
    yield Fault("kill -9: the generator", partial(kill_python, name="generate"), 10)
    for name in ("archive", "labels"):
        yield Fault(f"kill -9: txwatch {name}", partial(kill_python, name=name), 10, partial(no_verb, name))
    yield Fault("kill -9: the Postgres backend of the stream", kill_backend, 5)
    yield Fault("terminated: the Postgres backend of the stream", terminate_backend, 5)
    yield Fault("kill -9: the postmaster", partial(kill_server, name="postgres"), 10)
    yield Fault("kill -9: the broker", partial(kill_server, name="kafka"), 15)
    yield Fault("kill -9: S3, contents gone", partial(kill_server, name="s3"), 15)
    yield Fault("the bucket emptied", empty_bucket, 15)
    for name in ("postgres", "kafka", "s3"):
        yield Fault(f"frozen for {PAUSE_SECONDS:.0f} s: {name}", partial(freeze_server, name=name))
    for name in ("archive", "generate"):
        yield Fault(
            f"frozen for {PAUSE_SECONDS:.0f} s: txwatch {name}",
            partial(freeze_program, name=name),
            missing=partial(no_verb, name),
        )
    yield Fault(
        f"frozen for {TIMEOUT_SECONDS:.0f} s: the stream",
        partial(freeze_program, name="stream", seconds=TIMEOUT_SECONDS),
        80,
    )
    for name in ("postgres", "kafka"):
        yield Fault(
            f"frozen for {TIMEOUT_SECONDS:.0f} s: {name}",
            partial(freeze_server, name=name, seconds=TIMEOUT_SECONDS),
            80,
        )
    yield Fault("frozen, and awake after another stream has taken over", wake_zombie, 40)
    yield Fault("a second stream started", start_second_stream, 30)
    yield Fault("two streams started at once", start_two_streams, 40)
    for name in ("postgres", "kafka", "s3"):
        yield Fault(f"150 ms more on the wire: {name}", partial(delay, name=name))
        yield Fault(f"connections reset: {name}", partial(reset, name=name), 5)
        yield Fault(f"half-open for {PAUSE_SECONDS:.0f} s: {name}", partial(hold, name=name))
    yield Fault("connection reset in mid-COPY", reset_in_copy, 5)
    for name in ("postgres", "kafka"):
        yield Fault(f"disk full: {name}", partial(fill_disk, name=name), 30, no_disk)
    for step in STEPS:
        after = f"after {step}" if step != "commit" else "between COMMIT and Spark's own log"
        yield Fault(f"kill -9 {after}", partial(break_at, step=step, how="kill"), 50, partial(no_hook, step))
        yield Fault(
            f"an error {after}", partial(break_at, step=step, how="raise"), 40, partial(no_hook, step)
        )
    yield Fault("the generator's clock set back by an hour", set_clock_back, 20, no_fake_time)
    for how in ("deleted", "truncated", "restored"):
        yield Fault(f"checkpoint {how}, then a new start", partial(harm_checkpoint, how=how), 25)


FAULTS = tuple(_all_faults())
