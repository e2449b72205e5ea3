"""dbt in this process: its start-up and its parsing are paid once, however many invocations follow."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

from txwatch.errors import TxwatchError
from txwatch.transform.environment import PROJECT_DIR
from txwatch.transform.outcome import NodeOutcome, Outcome

log = structlog.get_logger()


class Dbt:
    """A project, by default the one of this repository, on one warehouse."""

    def __init__(self, variables: Mapping[str, str], work_dir: Path, project_dir: Path = PROJECT_DIR) -> None:
        """Prepare the invocations; nothing is read yet.

        Args:
            variables: environment variables, as `dbt_variables` returns them.
            work_dir: folder for compiled SQL, the docs page and dbt's own log.
            project_dir: folder of the project and its profile.
        """
        os.environ.update(variables)  # a profile takes its values from nowhere else
        self._global = ["--no-use-colors", "--log-level", "none", "--log-path", str(work_dir / "logs")]
        self._options = [
            *("--project-dir", str(project_dir), "--profiles-dir", str(project_dir)),
            *("--target-path", str(work_dir / "target")),
        ]
        self._manifest: Manifest | None = None

    def parse(self) -> None:
        """Read the project; every invocation reuses what was read.

        Raises:
            TxwatchError: the project is at fault; the sentence is dbt's.
        """
        result = dbtRunner().invoke([*self._global, "parse", *self._options])
        if not result.success or not isinstance(result.result, Manifest):
            raise _unusable(result)
        self._manifest = result.result

    def invoke(self, *arguments: str) -> Outcome:
        """Run one command of dbt, such as `build` or `source freshness`, with its options.

        Raises:
            TxwatchError: dbt could not run it at all, as when the warehouse is away.
        """
        if self._manifest is None:
            self.parse()
        began = time.monotonic()
        callbacks = [_log_finished] if arguments[0] == "build" else []
        runner = dbtRunner(manifest=self._manifest, callbacks=callbacks)
        result = runner.invoke([*self._global, *arguments, *self._options])
        if result.exception is not None:
            raise _unusable(result)
        nodes = tuple(_outcome(each) for each in getattr(result.result, "results", ()))
        return Outcome(result.success, time.monotonic() - began, nodes)


def _outcome(result: Any) -> NodeOutcome:
    node = result.node
    return NodeOutcome(
        name=node.name,
        kind=str(node.resource_type),
        status=str(result.status),
        seconds=float(result.execution_time or 0),
        message=getattr(result, "message", None),
        failures=getattr(result, "failures", None),
        failing_rows=getattr(node, "relation_name", None) if str(node.resource_type) == "test" else None,
    )


def _log_finished(event: EventMsg) -> None:
    """Log each node as it ends: what changes the warehouse for all to see, tests for who debugs."""
    if event.info.name != "NodeFinished":
        return
    node = event.data.node_info
    write: Callable[..., None] = (
        log.info if node.resource_type in {"model", "snapshot", "seed"} else log.debug
    )
    write(node.resource_type, name=node.node_name, status=node.node_status)


def _unusable(result: dbtRunnerResult) -> TxwatchError:
    lines = str(result.exception or "no reason given").split("\n")
    return TxwatchError(f"dbt gives up: {' '.join(' '.join(lines).split())}")
