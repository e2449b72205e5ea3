import os
from pathlib import Path

from txwatch.heartbeat import Heartbeat


def test_a_beat_makes_the_file_new(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "state", "stream")
    heartbeat.beat()
    os.utime(heartbeat.path, (0, 0))
    Heartbeat(tmp_path / "state", "stream").beat()
    assert heartbeat.path.name == "stream.heartbeat"
    assert heartbeat.path.stat().st_mtime > 0


def test_beats_within_a_second_touch_the_file_once(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path, "stream")
    heartbeat.beat()
    os.utime(heartbeat.path, (0, 0))
    heartbeat.beat()
    assert heartbeat.path.stat().st_mtime == 0
