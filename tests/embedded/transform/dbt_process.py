"""dbt in a process of a test's own: its start-up and parsing are paid once, and it can be killed."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from txwatch.settings import PREFIX, SERVICES_DIR, Settings
from txwatch.transform.environment import PROJECT_DIR, dbt_variables, other_python

WORKER = Path(__file__).with_name("dbt_worker.py")
BUILT = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
"""Options of `build` that leave the tests out."""


@dataclass
class Dbt:
    """A worker, and the warehouse that it works on."""

    process: subprocess.Popen[str]

    def ask(self, *arguments: str) -> None:
        """Begin an invocation."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the end of the invocation that was begun."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"dbt's process has ended ({self.process.poll()})"
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer

    def invoke(self, *arguments: str) -> dict[str, Any]:
        """Run one command of dbt; returns its outcome as JSON, whether it succeeded or not, without hooks."""
        self.ask(*arguments)
        answer = self.answer()
        answer["nodes"] = [node for node in answer["nodes"] if node["kind"] != "operation"]
        return answer

    def build(self, *options: str) -> None:
        """Build seeds, snapshots and models, without tests; all must succeed."""
        outcome = self.invoke("build", *BUILT, *options)
        assert outcome["succeeded"], [
            f"{node['name']}: {node['status']}, {node['message']}"
            for node in outcome["nodes"]
            if node["status"] not in ("success", "no-op")
        ]

    def failing(self, *arguments: str) -> dict[str, str]:
        """Run tests; name -> status of those that did not pass."""
        nodes = self.invoke(*arguments)["nodes"]
        assert nodes, "no test was run"
        return {node["name"]: node["status"] for node in nodes if node["status"] != "pass"}

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_dbt(settings: Settings, work_dir: Path, project_dir: Path = PROJECT_DIR) -> Iterator[Dbt]:
    """Start a worker on the warehouse of `settings`, and end it however the test ended.

    Args:
        settings: of a warehouse whose schema is applied.
        work_dir: where dbt keeps what it compiled; a folder that was used before saves parsing.
        project_dir: the dbt project.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= dbt_variables(settings) | {"PYTHONPATH": str(SERVICES_DIR)}
    command = [str(other_python(settings)), str(WORKER), str(work_dir), str(project_dir)]
    # Away from the repository: no .env file of a developer has a say.
    with subprocess.Popen(
        command,
        env=environment,
        cwd=work_dir,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Dbt(process)
        finally:
            process.kill()
