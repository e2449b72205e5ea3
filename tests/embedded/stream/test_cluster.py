"""On a Spark standalone cluster, executors copying: killed under load, they lose and double nothing."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pyspark
import pytest

from oracle.balance import Warehouse, differences, ends
from oracle.deadline import until
from oracle.feed import Load
from txwatch.embedded.java import find_java
from txwatch.embedded.ports import free_port
from txwatch.settings import Settings, load_settings

_SECRET = "a-secret-of-this-test"  # noqa: S105
_MASTER, _WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
_START_SECONDS = 300.0
"""Five JVMs start: master, workers, driver, executors."""
_DRAIN_SECONDS = 300.0
_EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[psutil.Process]:
    """Run a process and end it with all that it started."""
    with log.open("ab") as output:
        process = psutil.Popen(command, env=os.environ | environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        family = process.children(recursive=True) if process.is_running() else []
        for one in (process, *family):
            if one.is_running():
                one.kill()
        process.wait(60)


@pytest.fixture
def master(tmp_path: Path) -> Iterator[str]:
    """Yield the address of a cluster of two workers, one core each."""
    home = Path(pyspark.__file__).parent
    java = [
        *(str(find_java(load_settings())), "-Xmx192m", "-cp", f"{home}/jars/*"),
        *("-Dspark.authenticate=true", f"-Dspark.authenticate.secret={_SECRET}"),
        "-Dspark.master.rest.enabled=false",  # a second way in, which knows no secret
    ]
    port = free_port()
    place = ["--host", "127.0.0.1", "--webui-port", "0"]
    address = f"spark://127.0.0.1:{port}"
    with ExitStack() as stack:
        stack.enter_context(running([*java, _MASTER, *place, "--port", str(port)], tmp_path / "master.log"))
        size = ["--cores", "1", "--memory", "600m"]
        for number in (1, 2):
            folder = ["--work-dir", str(tmp_path / f"worker-{number}")]
            command = [*java, _WORKER, address, *place, *size, *folder]
            # As Spark's own scripts say it: a worker started without them looks for a build to tell it.
            place_of_spark = {"SPARK_HOME": str(home), "SPARK_SCALA_VERSION": "2.13"}
            stack.enter_context(running(command, tmp_path / f"worker-{number}.log", **place_of_spark))
        yield address


def executors(folder: Path) -> list[psutil.Process]:
    """Find the executors of this test's workers."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if _EXECUTOR in command and any(str(folder) in word for word in (*command, _place(process))):
            found.append(process)
    return found


def _place(process: psutil.Process) -> str:
    try:
        return str(process.cwd())
    except psutil.Error:
        return ""


@pytest.mark.timeout(1200)
def test_executors_killed_under_load_lose_and_double_nothing(
    pipeline: Settings, pipeline_environment: dict[str, str], master: str, tmp_path: Path
) -> None:
    warehouse = Warehouse(pipeline)
    environment = pipeline_environment | {
        "TXWATCH_STREAM_SINK_MODE": "executors",
        "TXWATCH_STREAM_SPARK_MASTER": master,
        "TXWATCH_STREAM_SPARK_SECRET": _SECRET,
        "TXWATCH_STREAM_MAX_BATCH_ROWS": "5000",
    }
    command = [sys.executable, "-m", "txwatch.cli.main", "stream"]
    with running(command, tmp_path / "stream.log", **environment) as stream:
        with Load(pipeline, 300).running():
            until(lambda: sum(warehouse.ledger_ends().values()) > 0, _START_SECONDS)
            for _ in range(2):
                until(lambda: executors(tmp_path))
                executors(tmp_path)[0].kill()
                done = sum(warehouse.ledger_ends().values())
                until(lambda done=done: sum(warehouse.ledger_ends().values()) > done + 500)
        until(
            lambda: warehouse.ledger_ends() == {at: end for at, end in ends(pipeline).items() if end},
            _DRAIN_SECONDS,
        )
        assert stream.is_running()
    assert differences(pipeline) == []
