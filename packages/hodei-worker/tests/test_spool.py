"""The spool: order, bounds, and what happens while nobody takes anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hodei_worker.chunk import Chunk
from hodei_worker.overflow import Overflow
from hodei_worker.spool import Spool


def chunk(number: int, size: int = 1000) -> Chunk:
    """The chunk of one entry; each has other bytes."""
    data = bytes([number % 256]) * (size - 1) + b"\n"
    return Chunk(
        first_sequence=number,
        lines=1,
        first_offset=number * size,
        base_time_us=0,
        runs=b"\0" * 16,
        data=data,
    )


def taken(spool: Spool) -> list[Chunk]:
    chunks = []
    while (next_one := spool.take_unsent()) is not None:
        chunks.append(next_one)
    return chunks


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


def test_out_of_reach_output_goes_to_disk_and_comes_back_in_order(tmp_path: Path) -> None:
    spool = Spool(capacity_bytes=5000, overflow=Overflow(tmp_path))
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


def test_the_room_on_disk_is_given_back(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    overflow = Overflow(tmp_path)
    spool = Spool(capacity_bytes=1, overflow=overflow)
    spool.offline()
    for number in range(10):
        spool.append(chunk(number))
    assert len(os.listdir("/proc/self/fd")) == before + 1
    assert os.listdir(tmp_path) == []  # the file has no name
    spool.rewind(10)
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_disk_has_a_bound_too(tmp_path: Path) -> None:
    spool = Spool(capacity_bytes=1, overflow=Overflow(tmp_path, capacity_bytes=5000))
    spool.offline()
    number = 0
    while not spool.full:
        spool.append(chunk(number))
        number += 1
    assert number == 6


def test_a_disk_that_refuses_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(capacity_bytes=1, overflow=Overflow(tmp_path))
    spool.offline()
    spool.append(chunk(0))
    spool.append(chunk(1))

    def no_space(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", no_space)
    spool.append(chunk(2))
    assert spool.full
    assert taken(spool) == [chunk(0), chunk(1), chunk(2)]
