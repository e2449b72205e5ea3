"""Small disks for Postgres and Kafka, which can be filled without filling the machine's."""

import errno
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

_CHUNK = b"\0" * (1 << 20)


class Disk:
    """A tmpfs over a folder."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._ballast = folder / "ballast"
        options = f"size={mebibytes}m,mode=0755"
        subprocess.run([_program("mount"), "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)

    def fill(self) -> None:
        """Leave no byte free."""
        with self._ballast.open("ab", buffering=0) as file:
            for chunk in (_CHUNK, _CHUNK[:4096]):
                try:
                    while True:
                        file.write(chunk)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Take the disk away."""
        subprocess.run([_program("umount"), "--lazy", str(self.folder)], check=False)


def _program(name: str) -> str:
    return shutil.which(name) or name


def may_mount(folder: Path) -> bool:
    """Tell whether this process may have disks of its own."""
    if os.geteuid() != 0:
        return False
    trial = folder / "trial"
    with suppress(OSError, subprocess.CalledProcessError):
        Disk(trial, 1).close()
        trial.rmdir()
        return True
    return False
