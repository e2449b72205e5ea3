"""`txwatch demo`: everything at once, watched live, balanced at the end."""

import signal
import sys
import time
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from txwatch.cli.demo_view import DemoView
from txwatch.cli.up import provide_warehouse
from txwatch.errors import TxwatchError, UnavailableError
from txwatch.settings import SOON_BUT_SLOWER, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from txwatch.embedded.runtime import Runtime
    from txwatch.warehouse.pipeline_status import PipelineStatus

SECONDS_WITHOUT_TERMINAL = 60.0
STALL_SECONDS = 300.0
LOOK_SECONDS = 1.0


def demo(
    seconds: Annotated[
        float | None, typer.Option(min=1, help="End after so long; without a terminal: 60.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget earlier runs first.")] = False,
    rate: Annotated[float, typer.Option(min=1, help="Transactions per second.")] = 1000.0,
    malformed: Annotated[float, typer.Option(min=0, max=1, help="Share of malformed records.")] = 0.01,
) -> None:
    """Run the whole pipeline here and watch it: generator, Kafka, Spark, Postgres, S3, console."""
    if seconds is None and not sys.stdout.isatty():
        seconds = SECONDS_WITHOUT_TERMINAL
    stop = _stop_on_signals()
    with _everything_running(fresh) as (runtime, settings):
        demonstration = Demonstration(runtime, settings, stop)
        demonstration.start_workers(rate, malformed)
        with demonstration.view:
            demonstration.watch(seconds)
            demonstration.drain()
        demonstration.summarise()


class Demonstration:
    """The pipeline's own processes, from their start to the balance at the end."""

    def __init__(self, runtime: "Runtime", settings: Settings, stop: Event) -> None:
        self._supervisor = runtime.supervisor
        self._settings = settings
        self._stop = stop
        self._console_port = _free_console_port(settings)
        self._workers: list[str] = []
        self.view = DemoView(f"http://127.0.0.1:{self._console_port}")

    def start_workers(self, rate: float, malformed: float) -> None:
        """Start stream, archive, labels, console and generator."""
        # Who watches for a minute wants facts soon, not what a JVM compiles for another minute to reach.
        options = self._settings.stream_java_options or SOON_BUT_SLOWER
        self._start("stream", "--json", TXWATCH_STREAM_JAVA_OPTIONS=options)
        self._start("archive")
        self._start("labels", "--json")
        self._start("console", "--port", str(self._console_port))
        self._start("generate", "--rate", str(rate), "--malformed", str(malformed), "--json")

    def watch(self, seconds: float | None) -> None:
        """Show how it goes until the time is over or a stop is asked for."""
        started = time.monotonic()
        self._look_until(
            lambda _: seconds is not None and time.monotonic() - started >= seconds, stop=self._stop
        )

    def drain(self) -> None:
        """End the generator, then wait until everything it sent is scored, archived and entered.

        Raises:
            UnavailableError: for a long time nothing more was.
        """
        self.view.say("stopping the generator, then draining")
        self._end("generate")
        least_left, since = None, time.monotonic()

        def is_done(status: "PipelineStatus") -> bool:
            nonlocal least_left, since
            left = sum(map(sum, (lag.values() for lag in (status.lag, status.archive_lag, status.label_lag))))
            if least_left is None or left < least_left:
                least_left, since = left, time.monotonic()
            if time.monotonic() - since > STALL_SECONDS:
                raise UnavailableError(
                    f"{left:,} records are left and none was done for {STALL_SECONDS:.0f} s"
                    f"{self._supervisor.log_tail('stream')}"
                )
            return left == 0

        self._look_until(is_done, stop=Event())
        for worker in list(self._workers):
            self._end(worker)

    def summarise(self) -> None:
        """Print the balance and what the rules were worth; exit code 1 when the balance differs."""
        from txwatch.cli.quality import quality_table
        from txwatch.cli.verify import verify
        from txwatch.warehouse.verdict_reading import read_rule_quality

        Console().print(quality_table(read_rule_quality(self._settings)))
        try:
            verify()
        finally:
            typer.echo(
                "everything is kept: `make demo` goes on, `make demo FRESH=1` starts over, "
                "`txwatch up` and `txwatch console` show it again"
            )

    def _look_until(self, is_done: "Callable[[PipelineStatus], bool]", stop: Event) -> None:
        from txwatch.warehouse.pipeline_reading import PipelineReader
        from txwatch.warehouse.pipeline_status import assess

        with PipelineReader(self._settings) as reader:
            while not stop.is_set():
                self._require_workers()
                status = assess(reader.read())
                is_last = is_done(status)
                self.view.show(status, reader.newest_alerts, is_last=is_last)
                if is_last:
                    return
                stop.wait(LOOK_SECONDS)

    def _require_workers(self) -> None:
        running = self._supervisor.running()
        for worker in self._workers:
            if worker not in running:
                raise TxwatchError(f"{worker} has ended unasked{self._supervisor.log_tail(worker)}")

    def _start(self, verb: str, *arguments: str, **environment: str) -> None:
        argv = [sys.executable, "-m", "txwatch.cli.main", verb, *arguments]
        self._supervisor.start_process(verb, argv, environment)
        self._workers.append(verb)

    def _end(self, worker: str) -> None:
        self._workers.remove(worker)
        self._supervisor.stop_process(worker)


@contextmanager
def _everything_running(fresh: bool) -> "Iterator[tuple[Runtime, Settings]]":
    """Lend the runtime with its schema and dimensions; nothing of it runs any more in the end."""
    from txwatch.embedded.runtime import Runtime

    runtime = Runtime(load_settings())
    try:
        if fresh:
            runtime.down()
            runtime.remove_data()
        runtime.up()
        yield runtime, provide_warehouse(runtime)
    finally:
        runtime.down()


def _free_console_port(settings: Settings) -> int:
    from txwatch.embedded.ports import free_port, is_free

    wanted = settings.console_port
    return wanted if wanted and is_free(wanted) else free_port()


def _stop_on_signals() -> Event:
    """Return what the first Ctrl-C or SIGTERM sets; a second one ends the demo at once."""
    stop = Event()

    def ask(number: int, _: object) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_IGN)  # what follows is the orderly end of everything
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return stop
