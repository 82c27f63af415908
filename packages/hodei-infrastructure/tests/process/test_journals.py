"""What agents print: read from the end, bounded, kept for a while."""

from __future__ import annotations

import os
from pathlib import Path

from hodei_infrastructure.process import journals


def test_the_last_lines_come_oldest_first(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"one\ntwo\n\xff three\n")
    assert journals.tail(path, 2) == ["two", "\ufffd three"]
    assert journals.tail(path, 100) == ["one", "two", "\ufffd three"]
    assert journals.tail(path, 0) == []
    assert journals.tail(tmp_path / "none.log", 5) == []


def test_a_file_that_grew_too_large_keeps_its_end_and_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with path.open("ab") as writer:
        writer.write(b"x" * 99 + b"\n")
        writer.write((b"y" * 99 + b"\n") * (journals.LARGEST // 100))
        writer.flush()
        journals.trim(path)
        assert path.stat().st_size <= journals.KEPT
        writer.write(b"last\n")
    lines = path.read_text().splitlines()
    assert lines[-1] == "last"
    assert set(lines[:-1]) == {"y" * 99}


def test_a_small_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("one\n")
    journals.trim(path)
    assert path.read_text() == "one\n"


def test_empty_files_go_with_their_agents_and_full_ones_stay_for_a_while(tmp_path: Path) -> None:
    for number in range(journals.RETIRED + 5):
        path = tmp_path / f"{number}.log"
        path.write_text("something\n")
        os.utime(path, (number, number))
    (tmp_path / "0.json").write_text("{}")  # its agent lives
    (tmp_path / "empty.log").touch()
    journals.retire(tmp_path / "empty.log")
    journals.retire(tmp_path / "7.log")
    left = {int(path.stem) for path in tmp_path.glob("*.log")}
    assert left == {0, *range(5, journals.RETIRED + 5)}
