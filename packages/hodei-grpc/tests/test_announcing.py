"""Several servers of one data directory: each is found, and none takes another's announcement away."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hodei_grpc.announcing import Announcement, announced, announcements


@pytest.fixture
def other() -> Iterator[int]:
    """The pid of another process that lives."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.kill()
    process.communicate()


def first(place: Path, pid: int) -> None:
    (place / "server.json").write_text(json.dumps({"address": "a:1", "pid": pid}))


def test_a_server_that_is_alone_is_told_of_in_one_file_and_takes_it_away(tmp_path: Path) -> None:
    with announced(tmp_path, "b:2"):
        assert json.loads((tmp_path / "server.json").read_text()) == {"address": "b:2", "pid": os.getpid()}
        assert [path.name for path in tmp_path.iterdir()] == ["server.json"]
    assert list(tmp_path.iterdir()) == []


def test_a_second_server_leaves_the_first_ones_file_alone(tmp_path: Path, other: int) -> None:
    first(tmp_path, other)
    with announced(tmp_path, "b:2"):
        assert json.loads((tmp_path / "server.json").read_text())["pid"] == other
        mine = [path for path in announcements(tmp_path) if path.name != "server.json"]
        assert [json.loads(path.read_text())["address"] for path in mine] == ["b:2"]
    assert [path.name for path in tmp_path.iterdir()] == ["server.json"]


def test_what_a_dead_server_left_is_replaced(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    first(tmp_path, dead.pid)
    (tmp_path / f"server-{dead.pid}.json").write_text("{")
    with announced(tmp_path, "b:2"):
        assert json.loads((tmp_path / "server.json").read_text())["address"] == "b:2"
        assert len(announcements(tmp_path)) == 1


def test_a_server_that_hides_and_comes_back_is_found_again(tmp_path: Path, other: int) -> None:
    announcement = Announcement.of(tmp_path, "b:2", {})
    for _ in range(2):
        announcement.make()
        announcement.make()
        assert len(announcements(tmp_path)) == 1
        announcement.withdraw()
        assert announcements(tmp_path) == []
