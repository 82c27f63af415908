"""The input of a job as it comes over the stream: each byte once, in order, whatever is sent again."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator

import pytest
from hodei_worker import live_input
from hodei_worker.live_input import ROOM_BYTES, LiveInput
from hodei_worker.order import Shell


class Pipe:
    """A pipe that a job would read, and what was acknowledged of it."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(writer, False)
        self.acks: list[tuple[int, bool]] = []
        self.lost = asyncio.Event()
        self.acked = asyncio.Event()
        self.input = LiveInput(writer, self._note, self.lost.set)

    def _note(self, taken: int, closed: bool) -> None:
        self.acks.append((taken, closed))
        self.acked.set()

    async def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end of the file."""
        found = b""
        while len(found) < size:
            try:
                piece = os.read(self.reader, size - len(found))
            except BlockingIOError:
                await asyncio.sleep(0)
                continue
            if not piece:
                break
            found += piece
        return found


@pytest.fixture
async def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.input.close()
    os.close(pipe.reader)


async def test_pieces_arrive_in_order_and_the_end_is_the_end_of_the_file(pipe: Pipe) -> None:
    pipe.input.receive(0, b"one ", end=False)
    pipe.input.receive(4, b"\xff\x00two", end=True)
    assert await pipe.read(100) == b"one \xff\x00two"
    assert pipe.acks == [(4, False), (9, True)]
    assert pipe.input.closed


async def test_what_comes_again_is_passed_over_and_answered(pipe: Pipe) -> None:
    pipe.input.receive(0, b"abc", end=False)
    pipe.input.receive(0, b"abc", end=False)
    pipe.input.receive(1, b"bcde", end=False)
    pipe.input.receive(5, b"", end=True)
    pipe.input.receive(0, b"abcde", end=True)
    assert await pipe.read(100) == b"abcde"
    assert pipe.acks == [(3, False), (3, False), (5, False), (5, True), (5, True)]


async def test_what_begins_too_late_is_not_taken_and_its_end_not_believed(pipe: Pipe) -> None:
    pipe.input.receive(3, b"late", end=True)
    assert (pipe.acks, pipe.input.closed) == ([(0, False)], False)
    pipe.input.receive(0, b"now", end=True)
    assert await pipe.read(100) == b"now"


async def test_of_what_a_job_does_not_read_no_more_is_held_than_there_is_room(pipe: Pipe) -> None:
    piece = b"x" * (1024 * 1024)
    for number in range(20):
        pipe.input.receive(number * len(piece), piece, end=False)
    in_the_pipe = pipe.acks[-1][0]
    read = 0
    while pipe.acks[-1][0] == in_the_pipe:
        read += len(await pipe.read(1024))
        await asyncio.sleep(0)
    held = pipe.acks[-1][0]
    assert read <= held <= ROOM_BYTES + in_the_pipe
    assert held % len(piece) == 0, "whole pieces, so that the sender knows where to go on"


async def test_a_job_that_closes_its_input_is_told_of(pipe: Pipe) -> None:
    os.close(pipe.reader)
    pipe.reader = os.open(os.devnull, os.O_RDONLY)
    pipe.input.receive(0, b"nobody reads", end=False)
    assert pipe.acks == [(0, True)]
    pipe.input.receive(12, b"more", end=False)
    assert pipe.acks[-1] == (0, True)


async def test_a_sender_that_says_nothing_for_long_is_given_up_unless_all_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_input, "SILENCE_SECONDS", 0.05)
    waiting, done = Pipe(), Pipe()
    done.input.receive(0, b"all", end=True)
    await asyncio.wait_for(waiting.lost.wait(), 10)
    assert not done.lost.is_set()
    for pipe in (waiting, done):
        pipe.input.close()
        os.close(pipe.reader)


async def test_whatever_is_cut_repeated_and_reordered_arrives_as_it_was(pipe: Pipe) -> None:
    whole, chance = random.Random(4).randbytes(500_000), random.Random(7)
    reading = asyncio.create_task(pipe.read(len(whole) + 1))
    while not pipe.input.closed:
        known = pipe.acks[-1][0] if pipe.acks else 0
        offset = max(0, min(len(whole), known + chance.randint(-5000, 5000)))
        data = whole[offset : offset + chance.randint(0, 20_000)]
        pipe.input.receive(offset, data, end=offset + len(data) == len(whole))
        await asyncio.sleep(0)
    assert await reading == whole


async def test_an_attempt_reads_what_is_sent_and_ends_without_reading_all(bench: object) -> None:
    attempt, _, _ = bench.prepare(Shell("head -n 1"), live_input=True)  # type: ignore[attr-defined]
    acks: list[tuple[int, bool]] = []
    attempt.on_input = lambda taken, closed: acks.append((taken, closed))
    attempt.start()
    attempt.receive_input(0, b"first\nsecond\n", end=False)
    assert (await asyncio.wait_for(attempt.run(), 30)).reason == "exit"
    attempt.receive_input(13, b"third", end=True)
    assert acks == [(13, False), (13, True)]
