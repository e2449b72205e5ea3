"""Spark's daemon of Python workers, made so that a short task costs little more than its work.

Spark starts it on each executor (`spark.python.daemon.module`); a worker is a fork of it. Before a task, a
worker has every finder on its path look again at what it finds; after it, it collects garbage. The archives
that the JVM puts on the path (pyspark's, the jar of Spark's core) were read anew each time and all modules
searched: four fifths of a worker's time, at 12,500 rows a task.
"""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path

_WANTED = ("pyspark.worker", "txwatch.stream.staging")
"""Modules that each worker needs; they are imported once, for all forks."""


def without_archives(path: Sequence[str]) -> list[str]:
    """Return the folders of a module search path, or all of it where pyspark is only in an archive."""
    folders = [entry for entry in path if not Path(entry).is_file()]
    return folders if PathFinder.find_spec("pyspark", folders) else list(path)


def main() -> None:
    """Serve workers until Spark ends this process."""
    sys.path[:] = without_archives(sys.path)
    sys.path_importer_cache.clear()
    for name in _WANTED:
        import_module(name)
    gc.freeze()
    import_module("pyspark.daemon").manager()


if __name__ == "__main__":
    main()
