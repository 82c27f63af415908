"""Private directories, and what becomes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hodei_worker.scratch import NoScratch, Scratch, remove


def test_directories_are_private(tmp_path: Path) -> None:
    made = Scratch(tmp_path / "base").make()
    assert [oct(path.stat().st_mode)[-3:] for path in (made, made / "work", tmp_path / "base")] == ["700"] * 3


def test_in_a_directory_for_everyone_the_agent_makes_one_of_its_own(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    scratch = Scratch(tmp_path)
    assert scratch.make().is_relative_to(tmp_path / f"hodei-worker-{os.getuid()}")
    scratch.close()


def test_a_directory_that_others_may_empty_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(NoScratch, match="can be written to by others"):
        Scratch(tmp_path).make()


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "base")
    assert scratch.sweep() == 0
    scratch.close()
    assert not (tmp_path / "base").exists()


def test_a_live_agents_directory_is_not_swept_and_a_dead_ones_is(tmp_path: Path) -> None:
    living = Scratch(tmp_path)
    kept = living.make()
    program = (
        "import os, sys; from pathlib import Path; from hodei_worker.scratch import Scratch;"
        "scratch = Scratch(Path(sys.argv[1])); print(scratch.make(), flush=True); os.kill(os.getpid(), 9)"
    )
    dead = subprocess.run([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, check=False)
    left = Path(dead.stdout.decode().strip())
    assert left.is_dir()
    assert Scratch(tmp_path).sweep() == 1
    assert (left.exists(), kept.is_dir()) == (False, True)


def test_a_directory_that_others_may_write_to_is_not_trusted(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(NoScratch):
        Scratch(tmp_path).make()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "base").symlink_to("elsewhere")
    with pytest.raises(NoScratch):
        Scratch(tmp_path / "base").make()


def test_what_cannot_be_written_is_reported_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoScratch, match="file"):
        Scratch(tmp_path / "file").make()


def test_a_directory_as_new_is_used_again(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    made = scratch.make()
    assert scratch.take_back(made)
    assert scratch.make() == made
    (made / "work" / "left").touch()
    assert not scratch.take_back(made)


def test_read_only_directories_are_removed_too(tmp_path: Path) -> None:
    deep = tmp_path / "cache" / "module"
    deep.mkdir(parents=True)
    (deep / "file").write_text("")
    for path in (deep, deep.parent):
        path.chmod(0o500)
    remove(tmp_path / "cache")
    assert os.listdir(tmp_path) == []


def test_a_cleaner_of_the_temporary_directory_does_no_harm(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    remove(scratch.make().parent)
    assert scratch.make().is_dir()
