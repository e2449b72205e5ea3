"""What processes cost: processor seconds and memory, with all their children."""

from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Meter:
    """Named process trees, each by its root."""

    roots: dict[str, int]

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time since each root's start, children that have ended included."""
        return {name: sum(map(_cpu_seconds, _family(pid))) for name, pid in self.roots.items()}

    def memory_bytes(self) -> dict[str, dict[str, int]]:
        """Resident and proportional set size: the first counts a shared page in every process that has it."""
        return {name: _memory(_family(pid)) for name, pid in self.roots.items()}

    def resident_mib(self, name: str) -> float:
        """Resident set size of one tree, read without disturbing it."""
        return sum(map(_resident, _family(self.roots[name]))) / 2**20


def _family(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0.0


def _memory(family: list[psutil.Process]) -> dict[str, int]:
    rss = pss = 0
    for process in family:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            size = process.memory_full_info()
            rss, pss = rss + size.rss, pss + size.pss
    return {"rss": rss, "pss": pss}
