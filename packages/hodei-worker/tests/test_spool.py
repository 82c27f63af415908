"""The spool: order, bounds, and what happens while nobody takes anything."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hodei_worker.chunk import Chunk
from hodei_worker.journal import Journal, Shelf
from hodei_worker.order import Key
from hodei_worker.scratch import Scratch
from hodei_worker.spool import STALLED_AFTER, Spool

MakeSpool = Callable[..., Spool]


def chunk(number: int, size: int = 1000, lines: int = 1) -> Chunk:
    """The chunk of a few entries; each has other bytes."""
    line = bytes([number % 256]) * (size // lines - 1) + b"\n"
    return Chunk(
        first_sequence=number * lines,
        lines=lines,
        first_offset=number * size,
        base_time_us=0,
        runs=b"\0" * 16,
        data=line * lines,
    )


def taken(spool: Spool) -> list[Chunk]:
    chunks = []
    while (next_one := spool.take_unsent()) is not None:
        chunks.append(next_one)
    return chunks


def files(scratch: Scratch) -> list[Path]:
    return sorted(scratch.base.glob("agent-*/spool/*"))


@pytest.fixture
def make_spool(scratch: Scratch) -> MakeSpool:
    def make(capacity_bytes: int = 5000, bound: int = 1 << 20) -> Spool:
        spool = Spool(capacity_bytes, Journal(Shelf(scratch, bound)))
        spool.key = Key("job-1", 1)
        return spool

    return make


def test_chunks_come_out_once_and_in_order() -> None:
    spool = Spool()
    for number in range(3):
        spool.append(chunk(number))
    assert taken(spool) == [chunk(0), chunk(1), chunk(2)]
    assert taken(spool) == []


def test_a_new_stream_gets_everything_that_was_not_acknowledged() -> None:
    spool = Spool()
    for number in range(4):
        spool.append(chunk(number))
    taken(spool)
    spool.acknowledge(1)
    spool.rewind(2)
    assert taken(spool) == [chunk(2), chunk(3)]


def test_a_chunk_is_kept_until_the_last_of_its_entries_is_acknowledged() -> None:
    spool = Spool()
    spool.append(Chunk(first_sequence=0, lines=5, first_offset=0, base_time_us=0, runs=b"", data=b"x"))
    spool.acknowledge(4)
    assert not spool.empty
    spool.acknowledge(5)
    assert spool.empty


def test_room_is_told_once_there_is_some() -> None:
    spool, told = Spool(capacity_bytes=1500), []
    spool.on_room = lambda: told.append(spool.full)
    spool.append(chunk(0))
    spool.append(chunk(1))
    assert spool.full
    spool.acknowledge(1)
    spool.acknowledge(2)
    assert told == [False]


def test_what_is_discarded_holds_nobody_up() -> None:
    spool = Spool(capacity_bytes=1500)
    spool.append(chunk(0))
    spool.append(chunk(1))
    spool.discard()
    spool.append(chunk(2))
    assert (spool.full, spool.empty) == (False, True)


def test_out_of_reach_output_goes_to_disk_and_comes_back_in_order(make_spool: MakeSpool) -> None:
    spool = make_spool()
    spool.offline()
    for number in range(200):
        assert not spool.full
        spool.append(chunk(number))
    assert spool._held_bytes < 30_000  # of 200,000
    spool.rewind(0)
    assert spool.full  # now it is for the server to take it
    assert taken(spool) == [chunk(number) for number in range(200)]
    spool.rewind(150)
    assert taken(spool) == [chunk(number) for number in range(150, 200)]


def test_what_is_acknowledged_in_time_never_touches_the_disk(make_spool: MakeSpool, scratch: Scratch) -> None:
    spool = make_spool()
    for number in range(5):
        spool.append(chunk(number))
        spool.save_aged()
        spool.acknowledge(number + 1)
    assert files(scratch) == []


def test_what_is_not_acknowledged_within_a_moment_is_on_disk(make_spool: MakeSpool, scratch: Scratch) -> None:
    spool = make_spool()
    spool.append(chunk(0))
    spool.save_aged()
    spool.append(chunk(1))
    spool.save_aged()
    [file] = files(scratch)
    assert chunk(0).data in file.read_bytes()
    assert chunk(1).data not in file.read_bytes()
    spool.save_aged()
    assert chunk(1).data in file.read_bytes()
    assert taken(spool) == [chunk(0), chunk(1)]


def test_a_file_is_private_and_in_a_private_directory(make_spool: MakeSpool, scratch: Scratch) -> None:
    spool = make_spool()
    spool.append(chunk(0))
    spool.save()
    [file] = files(scratch)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_planted_name_is_neither_followed_nor_used(make_spool: MakeSpool, scratch: Scratch) -> None:
    scratch.make()
    victim = scratch.base / "victim"
    victim.write_text("mine")
    [spool_directory] = scratch.base.glob("agent-*/spool")
    (spool_directory / "000000001").symlink_to(victim)
    (spool_directory / "000000002").write_text("planted")
    spool = make_spool()
    for number in range(3):
        spool.append(chunk(number))
        spool.save()
    assert victim.read_text() == "mine"
    assert (spool_directory / "000000002").read_text() == "planted"
    assert taken(spool) == [chunk(0), chunk(1), chunk(2)]


def test_the_room_on_disk_is_given_back_piece_by_piece(
    make_spool: MakeSpool, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_worker.journal.SEGMENT_BYTES", 3000)
    spool = make_spool(capacity_bytes=1)
    before = len(os.listdir("/proc/self/fd"))
    spool.offline()
    for number in range(12):
        spool.append(chunk(number))
    assert len(files(scratch)) == 4
    spool.rewind(6)
    assert len(files(scratch)) == 2
    spool.acknowledge(12)
    assert files(scratch) == []
    assert len(os.listdir("/proc/self/fd")) <= before + 2  # the agent's lock and its directory


def test_the_disk_has_a_bound_that_all_attempts_share(
    scratch: Scratch, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf(scratch, 5000)
    first, second = Spool(1, Journal(shelf)), Spool(1, Journal(shelf))
    for spool in (first, second):
        spool.offline()
        spool.append(chunk(0))
        spool.append(chunk(1))
    number = 2
    while not first.full:
        first.append(chunk(number))
        number += 1
    assert second.full
    assert number == 3
    [told] = [r.message for r in caplog.records]
    assert told.startswith("The spool is full (0 MiB wait for the server): jobs wait at their pipes")
    second.discard()
    assert not first.full


def test_a_disk_that_refuses_loses_nothing_and_is_told_of_once(
    make_spool: MakeSpool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    spool = make_spool(capacity_bytes=1)
    spool.offline()
    spool.append(chunk(0))
    spool.append(chunk(1))

    def no_space(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "pwrite", no_space)
        spool.append(chunk(2))
        assert spool.full
        spool.save_aged()
    assert taken(spool) == [chunk(0), chunk(1), chunk(2)]
    monkeypatch.setattr("hodei_worker.journal.RETRY_SECONDS", 0.0)
    spool._journal._shelf._retry_at = 0.0  # type: ignore[union-attr]  # time has passed
    assert spool.save()
    assert [r.levelname for r in caplog.records] == ["WARNING", "INFO"]
    assert "No space left on device" in caplog.records[0].message


@pytest.mark.parametrize("spoil", ["cut", "change"])
def test_what_the_disk_does_not_give_back_leaves_a_gap_and_all_that_follows_counts_on(
    make_spool: MakeSpool, scratch: Scratch, spoil: str, caplog: pytest.LogCaptureFixture
) -> None:
    spool = make_spool(capacity_bytes=1)
    spool.offline()
    for number in range(4):
        spool.append(chunk(number, lines=10))
    [file] = files(scratch)
    if spoil == "cut":
        os.truncate(file, 2200)
    else:
        whole = file.read_bytes()
        file.write_bytes(whole.replace(b"\2\2\2", b"xxx"))
    spool.rewind(0)
    first, second, third, fourth = taken(spool)
    assert (first, second) == (chunk(0, lines=10), chunk(1, lines=10))
    assert (third.first_sequence, third.lines, third.gap_bytes, third.data) == (20, 1, 1000, b"")
    assert (fourth.first_sequence, fourth.first_offset) == (21, 2000)
    spool.append(chunk(4, lines=10))
    fifth = spool.take_unsent()
    assert fifth is not None
    if spoil == "change":
        assert fourth.data == chunk(3, lines=10).data
        assert (fifth.first_sequence, fifth.first_offset) == (31, 3000)
        assert (spool.lost_entries, spool.lost_bytes) == (9, 1000)
    assert fifth.data == chunk(4, lines=10).data
    assert "1000 bytes of its output are lost" in caplog.text


def test_a_server_that_is_there_and_takes_nothing_is_as_good_as_out_of_reach(make_spool: MakeSpool) -> None:
    spool = make_spool(capacity_bytes=1000)
    spool.append(chunk(0))
    spool.append(chunk(1))
    assert spool.full
    for _ in range(STALLED_AFTER):
        spool.save_aged()
    assert not spool.full
    spool.append(chunk(2))
    assert taken(spool) == [chunk(0), chunk(1), chunk(2)]
    spool.acknowledge(1)
    assert spool.full  # it takes something: the job waits for it again
