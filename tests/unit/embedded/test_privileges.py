import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from txwatch.embedded import privileges

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
NOBODY = privileges.UNPRIVILEGED_USER


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())  # tmp_path lies below a folder that only its owner enters
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_data_stays_where_it_is_wanted_when_the_other_user_gets_there(open_folder: Path) -> None:
    assert privileges.data_dir(open_folder / "postgres", NOBODY) == open_folder / "postgres"


def test_data_goes_elsewhere_below_a_folder_that_only_root_enters(open_folder: Path) -> None:
    barred = open_folder / "root"
    barred.mkdir(mode=0o700)
    (barred / "checkout").mkdir()
    place = privileges.data_dir(barred / "checkout" / "postgres", NOBODY)
    assert place.parent == privileges.SHARED_DATA_DIR
    assert place != privileges.data_dir(barred / "another" / "postgres", NOBODY)


def test_a_normal_user_keeps_everything_where_it_is(tmp_path: Path) -> None:
    assert privileges.data_dir(tmp_path / "postgres", None) == tmp_path / "postgres"
    assert privileges.identity(None) == {}


def test_a_provided_folder_belongs_to_the_other_user_alone(open_folder: Path) -> None:
    folder = open_folder / "postgres"
    privileges.provide_folder(folder, NOBODY)
    assert (folder.owner(), folder.stat().st_mode & 0o777) == (NOBODY, 0o700)


def test_binaries_below_a_barred_folder_are_copied_to_where_they_can_be_read(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_folder / "cache"
    monkeypatch.setattr(privileges, "SHARED_CACHE_DIR", cache)
    barred = open_folder / "root"
    barred.mkdir(mode=0o700)
    for package in ("server", "libraries"):
        (barred / package).mkdir()
        (barred / package / "file").write_text(package)
    folders = [barred / "server", barred / "libraries"]
    assert privileges.readable_copy(folders, NOBODY, "server-1") == cache / "server-1"
    assert (cache / "server-1" / "libraries" / "file").read_text() == "libraries"
    assert privileges.can_enter(cache / "server-1" / "server", NOBODY)
    assert privileges.readable_copy(folders, None, "server-1") == barred
