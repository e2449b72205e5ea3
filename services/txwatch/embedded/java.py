"""Finds the Java runtime that Kafka, Spark and Ivy run on."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from txwatch.errors import UsageError
from txwatch.settings import Settings

MINIMUM_VERSION = 17
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def find_java(settings: Settings) -> Path:
    """Return the first `java` of version 17 or later: from JAVA_HOME, then from the PATH.

    Raises:
        UsageError: there is none; the sentence names what was found instead and what to install.
    """
    seen = []
    for java in _candidates(settings):
        version = major_version(java)
        if version >= MINIMUM_VERSION:
            return java.resolve()
        seen.append(f"{java} is version {version}" if version else f"{java} does not run")
    found = f" ({'; '.join(seen)})" if seen else ""
    raise UsageError(
        f"no Java runtime of version {MINIMUM_VERSION} or later found{found}: install one "
        f"(Debian: `apt-get install openjdk-{MINIMUM_VERSION}-jre-headless`) or point JAVA_HOME to it"
    )


def java_home(java: Path) -> Path:
    """Return the JAVA_HOME that a `java` found by `find_java` belongs to."""
    return java.parent.parent


def major_version(java: Path) -> int:
    """Return the feature release of a `java` executable, 0 when it does not tell."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return 0
    match = _VERSION.search(answer.stderr + answer.stdout)
    return int(match.group(1)) if match else 0


def _candidates(settings: Settings) -> Iterator[Path]:
    if settings.java_home is not None:
        yield settings.java_home / "bin" / "java"
    on_path = shutil.which("java")
    if on_path is not None:
        yield Path(on_path)
