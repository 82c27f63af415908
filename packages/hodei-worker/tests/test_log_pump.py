"""The pump between real pipes and a real spool."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

import pytest
from hodei_worker.log_pump import CHUNK_BYTES, Pace
from hodei_worker.order import Shell


@pytest.fixture
def many() -> bytes:
    return b"".join(b"line %06d %s\n" % (n, b"x" * 87) for n in range(200_000))


async def test_every_byte_arrives_as_it_was_written(bench: Any) -> None:
    text = b"nul \0, cr\r\n, latin-1 \xe9, cut \xe2\x82, feed\x0c, \x1b[31mred\x1b[0m\n\n\nno end"
    program = f"import sys; sys.stdout.buffer.write({text!r})"
    _, output = await bench.run(Shell(sys.executable, ("-Ic", program)))
    assert output.stdout == text
    assert [e.data for e in output.entries][-3:] == [b"\n", b"\n", b"no end"]


async def test_two_hundred_thousand_lines_arrive_complete_and_in_order(bench: Any) -> None:
    outcome, output = await bench.run("seq -f 'line %09.0f' 1 200000")
    assert outcome.success
    assert [e.data for e in output.entries] == [b"line %09d\n" % n for n in range(1, 200_001)]


async def test_a_flood_on_both_streams_at_once_loses_nothing(bench: Any) -> None:
    _, output = await bench.run("seq 1 100000 & seq 1 100000 >&2; wait")
    assert output.stdout == output.stderr == b"".join(b"%d\n" % n for n in range(1, 100_001))


async def test_a_line_of_ten_megabytes_travels_in_pieces_and_is_one_line(bench: Any) -> None:
    program = "print('é' * 5_000_000); print('after')"
    _, output = await bench.run(Shell(sys.executable, ("-Ic", program)))
    *pieces, after = output.entries
    assert b"".join(p.data for p in pieces).decode() == "é" * 5_000_000 + "\n"
    assert all(p.partial for p in pieces[:-1])
    assert not pieces[-1].partial
    assert max(len(p.data) for p in pieces) <= 64 * 1024
    assert all(p.data.decode() for p in pieces)  # no character is torn
    assert after.data == b"after\n"


async def test_a_hundred_lines_go_out_without_waiting_for_the_interval(make_pipes: Any) -> None:
    pipes = make_pipes(Pace(seconds=3600))
    os.write(pipes.out, b"first\n")
    await asyncio.sleep(0)
    os.write(pipes.out, b"x\n" * 100)
    chunk = await pipes.next_chunk()
    assert chunk.lines >= 100
    await pipes.finish()


async def test_a_single_line_goes_out_within_the_interval(make_pipes: Any) -> None:
    pipes = make_pipes(Pace(lines=100, seconds=0.05))
    os.write(pipes.out, b"alone\n")
    chunk = await pipes.next_chunk()
    assert chunk.data == b"alone\n"
    await pipes.finish()


async def test_a_prompt_without_line_feed_is_seen_and_goes_on_in_the_next_entry(make_pipes: Any) -> None:
    pipes = make_pipes(Pace(seconds=0.05))
    os.write(pipes.out, b"Password: ")
    first = await pipes.next_chunk()
    os.write(pipes.out, b"ok\n")
    output = await pipes.finish([first])
    assert [(e.data, e.partial) for e in output.entries] == [(b"Password: ", True), (b"ok\n", False)]


async def test_a_line_written_in_two_breaths_is_one_entry(make_pipes: Any) -> None:
    pipes = make_pipes(Pace(seconds=0.3))
    os.write(pipes.out, b"one\nhalf")
    first = await pipes.next_chunk()
    assert first.data == b"one\n"
    os.write(pipes.out, b" line\n")
    output = await pipes.finish([first])
    assert [(e.data, e.partial) for e in output.entries] == [(b"one\n", False), (b"half line\n", False)]


async def test_streams_keep_their_partial_lines_apart(make_pipes: Any) -> None:
    pipes = make_pipes(Pace(seconds=3600))
    os.write(pipes.out, b"out ")
    os.write(pipes.err, b"err ")
    await asyncio.sleep(0.01)
    os.write(pipes.out, b"put\n")
    os.write(pipes.err, b"or\n")
    output = await pipes.finish()
    assert {(e.data, e.stderr) for e in output.entries} == {(b"out put\n", False), (b"err or\n", True)}


async def test_a_full_window_makes_the_job_wait_and_loses_nothing(many: bytes, make_pipes: Any) -> None:
    pipes = make_pipes(capacity_bytes=1 << 20)
    writing = asyncio.create_task(asyncio.to_thread(pipes.write, pipes.out, many))
    chunks = []
    while not writing.done():
        if pipes.spool.full:
            assert pipes.spool._held_bytes <= (1 << 20) + 2 * CHUNK_BYTES
            assert not writing.done()
            chunks += pipes.take()
        await asyncio.sleep(0)
    output = await pipes.finish(chunks)
    assert output.stdout == many


async def test_waiting_for_the_window_is_no_silence_of_the_job(make_pipes: Any) -> None:
    pipes = make_pipes(capacity_bytes=1)
    writing = asyncio.create_task(
        asyncio.to_thread(pipes.write, pipes.out, b"x" * 99 + b"\n" * CHUNK_BYTES * 4)
    )
    await pipes.until(lambda: pipes.pump._blocked)
    time.sleep(0.05)  # noqa: ASYNC251  the job writes nothing for a while, because we do not let it
    assert pipes.pump.silent_for < 0.05
    chunks = []
    while not writing.done():
        chunks += pipes.take()
        await asyncio.sleep(0)
    await pipes.finish(chunks)


async def test_a_job_that_may_lose_output_never_waits_and_shows_the_gap(many: bytes, make_pipes: Any) -> None:
    pipes = make_pipes(Pace(drop=True), capacity_bytes=1 << 20)
    await asyncio.to_thread(pipes.write, pipes.out, many[: len(many) // 2])
    await pipes.until_read()
    chunks = pipes.take()
    await asyncio.to_thread(pipes.write, pipes.out, b"after the gap\n")
    output = await pipes.finish(chunks)
    gaps = [e for e in output.entries if e.gap_bytes]
    assert len(gaps) == 1
    assert gaps[0].gap_bytes == pipes.pump.dropped_bytes > 0
    assert len(output.stdout) + gaps[0].gap_bytes == len(many) // 2 + len(b"after the gap\n")
    assert output.entries[-1].data == b"after the gap\n"


async def test_what_comes_last_is_kept_although_the_window_is_full(make_pipes: Any) -> None:
    pipes = make_pipes(capacity_bytes=1)
    os.write(pipes.out, b"first\n")
    first = await pipes.next_chunk()
    os.write(pipes.err, b"last words")
    output = await pipes.finish([first])
    assert [e.data for e in output.entries] == [b"first\n", b"last words"]


async def test_the_pump_moves_lines_faster_than_its_bar(many: bytes, make_pipes: Any) -> None:
    """200,000 lines a second is the figure; a tenth of it here, since other work shares the machine."""
    pipes = make_pipes()
    chunks: list[Any] = []
    pipes.spool.on_append = lambda: chunks.extend(pipes.take())
    begun = time.perf_counter()
    await asyncio.to_thread(pipes.write, pipes.out, many)
    output = await pipes.finish(chunks)
    assert len(output.entries) / (time.perf_counter() - begun) > 20_000
