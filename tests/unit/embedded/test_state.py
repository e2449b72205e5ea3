import contextlib
import stat
import threading
from pathlib import Path

import pytest

from txwatch.embedded.state import StateFile
from txwatch.errors import UsageError


def test_only_the_owner_can_read_the_passwords(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    with file.change() as state:
        state.settings["analyst_password"] = "hush"  # noqa: S105
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    with file.change() as state:
        state.settings["postgres_port"] = 1
    with contextlib.suppress(KeyError), file.change() as state:
        state.settings["postgres_port"] = 2
        del state.settings["no such setting"]
    assert file.read().settings == {"postgres_port": 1}


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    file = StateFile(tmp_path)

    def add(name: str) -> None:
        with file.change() as state:
            state.settings[name] = 1

    threads = [threading.Thread(target=add, args=(f"part{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file.read().settings) == 20


def test_a_damaged_file_is_said_and_not_overwritten(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.path.write_text('{"settings": ')
    with pytest.raises(UsageError, match="`make clean` starts over"), file.change():
        pytest.fail("a damaged state was lent")
    assert file.path.read_text() == '{"settings": '
