"""Chunks and lines."""

from __future__ import annotations

from uuid import UUID

from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import PARTIAL, STDERR, LogChunk, Run, pack_runs
from hodei_grpc.convert import logs

J1 = JobId(UUID(int=1))


def chunk(data: bytes, runs: list[Run], *, gap_bytes: int = 0, attempt: int = 1) -> LogChunk:
    lines = sum(run.entries for run in runs) + bool(gap_bytes)
    return LogChunk(
        job_id=J1,
        attempt=attempt,
        first_sequence=5,
        lines=lines,
        first_offset=0,
        base_time_us=1_000_000,
        runs=pack_runs(runs),
        data=data,
        gap_bytes=gap_bytes,
    )


def test_a_chunk_comes_back_as_it_went() -> None:
    one = chunk(b"a\nb\n", [Run(0, 2, 0, 4)], gap_bytes=3)
    assert logs.to_chunk(logs.from_chunk(one)) == one


def test_lines_have_no_line_end_and_say_their_stream_and_level() -> None:
    runs = [Run(0, 2, 0, 13), Run(STDERR, 1, 0, 9)]
    first, second, third = logs.to_lines(chunk(b"plain\r\nERROR\nto stderr"[:22], runs))
    assert [line.line for line in (first, second, third)] == ["plain", "ERROR", "to stderr"]
    assert [line.is_stderr for line in (first, second, third)] == [False, False, True]
    assert [line.level for line in (first, second, third)] == ["", "ERROR", ""]
    assert [line.sequence for line in (first, second, third)] == [6, 7, 8]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    (line,) = logs.to_lines(chunk(b"\xff\xfe ok\n", [Run(0, 1, 0, 6)]))
    assert line.line == "\ufffd\ufffd ok"


def test_a_piece_of_a_line_says_so() -> None:
    (line,) = logs.to_lines(chunk(b"half", [Run(PARTIAL, 1, 0, 4)]))
    assert (line.line, line.partial) == ("half", True)


def test_lost_output_is_a_line_that_says_how_much() -> None:
    gap, line = logs.to_lines(chunk(b"after\n", [Run(0, 1, 0, 6)], gap_bytes=1234))
    assert (gap.line, gap.gap_bytes) == ("[hodei: 1234 bytes of output lost]", 1234)
    assert line.sequence == gap.sequence + 1


def test_sequences_rise_over_attempts() -> None:
    (line,) = logs.to_lines(chunk(b"x\n", [Run(0, 1, 0, 2)], attempt=3))
    assert (line.attempt, line.sequence) == (3, 2 * 2**40 + 6)
