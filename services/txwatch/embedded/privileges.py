"""Who runs what must not run as root, and where such a process can read and write."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

UNPRIVILEGED_USER = "nobody"
SHARED_DATA_DIR = Path("/var/lib/txwatch")
SHARED_CACHE_DIR = Path("/var/cache/txwatch")


def other_user() -> str | None:
    """Return the user to become before Postgres is started; `None` when we are not root."""
    return UNPRIVILEGED_USER if os.geteuid() == 0 else None


def data_dir(wanted: Path, user: str | None) -> Path:
    """Return where `user` can keep data: the wanted folder, or one of its own when only root gets there.

    The second is the case of a checkout under /root, whose mode bars everybody else.
    """
    if user is None or can_enter(wanted.parent, user):
        return wanted
    digest = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    return SHARED_DATA_DIR / digest


def provide_folder(folder: Path, user: str | None) -> None:
    """Make a folder that `user` alone may use."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        shutil.chown(folder, user, identity(user)["group"])


def identity(user: str | None) -> dict[str, Any]:
    """Return the `subprocess` arguments that make a child `user`, with no rights of ours; `None`: stay."""
    if user is None:
        return {}
    import pwd  # noqa: PLC0415 - not on every platform that can run as a normal user

    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def readable_copy(folders: list[Path], user: str | None, name: str) -> Path:
    """Return a parent of the named folders that `user` can read: their own, or a copy outside root's home."""
    if user is None or all(can_enter(folder, user) for folder in folders):
        return folders[0].parent
    copy = SHARED_CACHE_DIR / name
    if not copy.is_dir():
        partial = copy.with_name(f"{name}.{os.getpid()}")
        for folder in folders:
            shutil.copytree(folder, partial / folder.name, symlinks=True)
        for made in (SHARED_CACHE_DIR, partial):
            made.chmod(0o755)
        partial.rename(copy)
    return copy


def can_enter(folder: Path, user: str) -> bool:
    """Ask the system whether a user can reach into a folder."""
    probe = ["test", "-x", str(folder)]
    answer = subprocess.run(probe, **identity(user), cwd="/", check=False)
    return answer.returncode == 0
