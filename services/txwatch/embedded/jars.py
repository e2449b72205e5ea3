"""Fetches the jars that services/jars/<set>.xml name, with the Ivy that pyspark carries."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import structlog

from txwatch.embedded.java import find_java
from txwatch.embedded.lock import exclusive
from txwatch.errors import UnavailableError, UsageError
from txwatch.settings import SERVICES_DIR, Settings

JarSet = Literal["kafka", "spark", "bench"]

_ARTIFACT = re.compile(r"^(.+?)-\d.*\.jar$")
_LOG_LINES = 15

log = structlog.get_logger()


def resolve(jar_set: JarSet, settings: Settings) -> Path:
    """Return the folder that holds the jars of a set, fetched first where they are not there yet.

    The folder lies in `cache_dir` and is named for the content of the set's XML file, so that every copy
    of this repository shares it and a changed set gets a new one.

    Raises:
        UsageError: no fitting Java runtime, or no pyspark.
        UnavailableError: a jar could not be fetched.
    """
    manifest = SERVICES_DIR / "jars" / f"{jar_set}.xml"
    shipped = _jars_of_pyspark()
    folder = settings.cache_dir.expanduser() / "jars" / f"{jar_set}-{_digest(manifest, shipped)}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(folder.parent / f"{jar_set}.lock"):
            if not folder.is_dir():
                _publish(manifest, folder, find_java(settings), shipped)
    return folder


def already_shipped(resolved: Iterable[Path], shipped: Iterable[Path]) -> list[Path]:
    """Return the resolved jars whose artifact, in whatever version, is also among the shipped ones."""
    artifacts = {artifact(jar.name) for jar in shipped}
    return [jar for jar in resolved if artifact(jar.name) in artifacts]


def artifact(file_name: str) -> str:
    """Return a jar's artifact: its file name up to the version."""
    match = _ARTIFACT.match(file_name)
    return match.group(1) if match else file_name


def _digest(manifest: Path, shipped: list[Path]) -> str:
    content = manifest.read_bytes() + "\n".join(jar.name for jar in shipped).encode()
    return hashlib.sha256(content).hexdigest()[:12]


def _jars_of_pyspark() -> list[Path]:
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise UsageError("pyspark is not installed: run `make install`, or `pip install 'txwatch[embedded]'`")
    return sorted((Path(spec.origin).parent / "jars").glob("*.jar"))


def _ivy_jar(shipped: list[Path]) -> Path:
    return next(jar for jar in shipped if artifact(jar.name) == "ivy")


def _publish(manifest: Path, folder: Path, java: Path, shipped: list[Path]) -> None:
    """Make the folder of a set; it appears only when it is whole."""
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        _fetch(manifest, partial, java, folder.parent.parent / "ivy" / manifest.stem, _ivy_jar(shipped))
        if manifest.stem == "spark":
            for jar in already_shipped(partial.glob("*.jar"), shipped):
                jar.unlink()
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fetch(manifest: Path, folder: Path, java: Path, ivy_cache: Path, ivy: Path) -> None:
    log.info("fetching jars, which takes a minute or two the first time", set=manifest.stem)
    # One cache per set: Ivy does not lock it, and two sets may be fetched at once.
    command: list[str | Path] = [java, "-jar", ivy, "-ivy", manifest, "-cache", ivy_cache]
    command += ["-types", "jar", "bundle", "-retrieve", folder / "[artifact]-[revision](-[classifier]).[ext]"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        tail = "\n".join((answer.stdout + answer.stderr).splitlines()[-_LOG_LINES:])
        raise UnavailableError(
            f"the jars of {manifest.name} could not be fetched from Maven Central: "
            f"check the network and run again. Ivy's last lines:\n{tail}"
        )
