"""How far a run has come, in a file that survives `kill -9`."""

import json
import os
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from txwatch.errors import TxwatchError, UsageError
from txwatch.generator.source import Parameters

Offsets = dict[int, int]
_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Progress:
    """What is known to be in Kafka.

    Attributes:
        parameters: what the run's bytes depend on, and where they go.
        acknowledged: every record with a smaller sequence is in the topic.
        transaction_ends: by partition, an offset below which all acknowledged records lie and no others of
            this run.
        label_ends: the same for labels.
        labels_known_until_ms: labels of acknowledged records that become known until then are in their topic.
        labels_complete_until: labels of smaller sequences are in their topic, whenever they become known.
    """

    parameters: Parameters
    acknowledged: int = 0
    transaction_ends: Offsets = field(default_factory=dict)
    label_ends: Offsets = field(default_factory=dict)
    labels_known_until_ms: int = 0
    labels_complete_until: int = 0


class ProgressFile:
    """Keeps the progress of one named run under the state folder."""

    def __init__(self, state_dir: Path, run: str) -> None:
        """Take the run's name.

        Raises:
            UsageError: it could name a file elsewhere.
        """
        if not _RUN_NAME.fullmatch(run):
            raise UsageError(
                f"--run {run!r} is no name for a file: up to 64 letters, digits, dots, dashes, underscores, "
                "the first a letter or digit"
            )
        self.run = run
        self.path = state_dir / "runs" / f"{run}.json"

    def load(self) -> Progress | None:
        """Read the progress; `None` when the run is new.

        Raises:
            TxwatchError: the file cannot be read.
        """
        if not self.path.is_file():
            return None
        try:
            progress = Progress(**json.loads(self.path.read_text()))
            return replace(
                progress,
                transaction_ends=_offsets(progress.transaction_ends),
                label_ends=_offsets(progress.label_ends),
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise TxwatchError(
                f"{self.path} is damaged ({error}): start the run over with --fresh, or give another --run"
            ) from None

    def load_for(self, parameters: Parameters) -> Progress | None:
        """Read the progress of a run that has the given parameters.

        Raises:
            UsageError: it was made with others; the sentence names those that differ.
        """
        progress = self.load()
        if progress is None or progress.parameters == parameters:
            return progress
        names = sorted({*progress.parameters, *parameters})
        differing = ", ".join(
            f"{name} was {progress.parameters.get(name)!r} and is now {parameters.get(name)!r}"
            for name in names
            if progress.parameters.get(name) != parameters.get(name)
        )
        raise UsageError(
            f"run {self.run!r} was begun with other parameters ({differing}): give the same ones to go on, "
            "--fresh to start it over, or --run NAME to begin another"
        )

    def save(self, progress: Progress) -> None:
        """Write the progress so that a crash leaves either the old or the new one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        with draft.open("w") as file:
            json.dump(asdict(progress), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def forget(self) -> None:
        """Start the run over: what is in Kafka stays there."""
        self.path.unlink(missing_ok=True)


def _offsets(stored: Offsets) -> Offsets:
    return {int(partition): offset for partition, offset in stored.items()}
