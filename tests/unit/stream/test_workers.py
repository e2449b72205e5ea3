"""What Spark's Python workers look through before each task."""

import zipfile
from pathlib import Path

import pytest

from txwatch.stream.workers import without_archives


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """Make an archive with a package named pyspark, as Spark's JVM puts it on the path."""
    path = tmp_path / "pyspark.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("pyspark/__init__.py", "")
    return str(path)


def test_folders_stay_and_archives_go(tmp_path: Path, archive: str) -> None:
    (tmp_path / "folder" / "pyspark").mkdir(parents=True)
    (tmp_path / "folder" / "pyspark" / "__init__.py").touch()
    folder, absent = str(tmp_path / "folder"), str(tmp_path / "absent")
    assert without_archives([archive, folder, absent]) == [folder, absent]


def test_the_only_pyspark_stays_where_it_is_in_an_archive(tmp_path: Path, archive: str) -> None:
    assert without_archives([archive, str(tmp_path)]) == [archive, str(tmp_path)]
