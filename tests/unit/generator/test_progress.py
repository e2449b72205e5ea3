from pathlib import Path

import pytest

from txwatch.errors import TxwatchError, UsageError
from txwatch.generator.progress import Progress, ProgressFile

PROGRESS = Progress(
    {"seed": 42, "malformed_share": 0.01, "transactions_topic": "transactions"},
    acknowledged=1000,
    transaction_ends={0: 510, 1: 490},
    label_ends={0: 7},
    labels_known_until_ms=1_735_689_600_000,
    labels_complete_until=900,
)


@pytest.fixture
def file(tmp_path: Path) -> ProgressFile:
    return ProgressFile(tmp_path / "state", "nightly")


def test_a_new_run_has_no_progress(file: ProgressFile) -> None:
    assert file.load() is None
    assert file.load_for(PROGRESS.parameters) is None


def test_progress_is_read_as_it_was_written(file: ProgressFile) -> None:
    file.save(PROGRESS)
    assert file.load_for(PROGRESS.parameters) == PROGRESS
    file.forget()
    assert file.load() is None


def test_other_parameters_are_named_with_the_way_out(file: ProgressFile) -> None:
    file.save(PROGRESS)
    with pytest.raises(UsageError) as raised:
        file.load_for({**PROGRESS.parameters, "malformed_share": 0.0})
    sentence = str(raised.value)
    assert "malformed_share was 0.01 and is now 0.0" in sentence
    assert "seed" not in sentence
    assert "--fresh" in sentence
    assert "--run" in sentence


def test_a_damaged_file_is_named(file: ProgressFile) -> None:
    file.path.parent.mkdir(parents=True)
    for damage in ("", "[]", "{}", '{"parameters": {}, "surprise": 1}'):
        file.path.write_text(damage)
        with pytest.raises(TxwatchError, match=r"nightly\.json is damaged"):
            file.load()


def test_a_crash_while_writing_leaves_the_old_progress(file: ProgressFile) -> None:
    file.save(PROGRESS)
    file.path.with_suffix(".draft").write_text('{"parameters":')
    assert file.load() == PROGRESS
