from datetime import timedelta

import pytest
from attrs import evolve
from hodei_domain.logs.chunk import (
    PARTIAL,
    PLATFORM,
    STDERR,
    LogChunk,
    Run,
    check_chunk,
    drop_front,
    entries,
    from_microseconds,
    pack_runs,
    pieces_of,
    public_sequence,
    split_sequence,
    to_microseconds,
    unpack_runs,
)
from hodei_domain.logs.errors import BrokenChunk
from hodei_domain.testing.making import T0, new_job_id
from hypothesis import given
from hypothesis import strategies as st

JOB = new_job_id()
READS = st.lists(
    st.tuples(st.integers(0, 7), st.lists(st.sampled_from([b"\n", b"\r", b"a", b"\xff\x00"]), min_size=1)),
    min_size=1,
    max_size=6,
)


def chunk_of(*reads: tuple[int, bytes], gap_bytes: int = 0, first: int = 10, offset: int = 100) -> LogChunk:
    runs = [
        Run(flags, len(pieces_of(data)), number * 5, len(data)) for number, (flags, data) in enumerate(reads)
    ]
    return LogChunk(
        job_id=JOB,
        attempt=1,
        first_sequence=first,
        lines=sum(run.entries for run in runs) + (1 if gap_bytes else 0),
        first_offset=offset,
        base_time_us=to_microseconds(T0),
        runs=pack_runs(runs),
        data=b"".join(data for _, data in reads),
        gap_bytes=gap_bytes,
    )


def test_runs_are_sixteen_bytes_little_endian() -> None:
    packed = pack_runs([Run(1, 2, 3, 0x01020304)])
    assert packed.hex() == "010000000200000003000000" + "04030201"
    assert unpack_runs(packed) == [Run(1, 2, 3, 0x01020304)]
    with pytest.raises(BrokenChunk):
        unpack_runs(packed[:-1])


def test_lines_are_told_with_stream_time_and_number() -> None:
    chunk = chunk_of((0, b"one\n\ntwo\n"), (STDERR | PARTIAL, b"err\nhalf"), (PLATFORM, b"note\n"))
    told = list(entries(chunk))
    assert [entry.data for entry in told] == [b"one", b"", b"two", b"err", b"half", b"note"]
    assert [entry.stderr for entry in told] == [False, False, False, True, True, False]
    assert [entry.partial for entry in told] == [False, False, False, False, True, False]
    assert [entry.platform for entry in told] == [False] * 5 + [True]
    assert [entry.sequence for entry in told] == list(range(11, 17))
    assert [entry.at - T0 for entry in told] == [timedelta(microseconds=us) for us in (0, 0, 0, 5, 5, 10)]
    assert (chunk.next_sequence, chunk.next_offset) == (16, 100 + len(chunk.data))


def test_a_gap_is_the_first_entry() -> None:
    gap, line = entries(chunk_of((0, b"after\n"), gap_bytes=77))
    assert (gap.gap_bytes, gap.data, gap.sequence, gap.platform) == (77, b"", 11, True)
    assert (line.gap_bytes, line.data, line.sequence) == (0, b"after", 12)


def test_only_line_feeds_separate() -> None:
    assert pieces_of(b"a\rb\x0bc\x85d\ne") == [b"a\rb\x0bc\x85d", b"e"]
    assert pieces_of(b"\n") == [b""]


@given(READS, st.integers(0, 99), st.sampled_from([0, 5]))
def test_cutting_the_front_leaves_the_very_rest(
    reads: list[tuple[int, list[bytes]]], cut: int, gap: int
) -> None:
    chunk = chunk_of(*((flags, b"".join(parts)) for flags, parts in reads), gap_bytes=gap)
    check_chunk(chunk)
    cut %= chunk.lines
    rest = drop_front(chunk, cut)
    check_chunk(rest)
    assert list(entries(rest)) == list(entries(chunk))[cut:]
    assert (rest.next_sequence, rest.next_offset) == (chunk.next_sequence, chunk.next_offset)
    assert chunk.data.endswith(rest.data)
    assert rest.first_offset - chunk.first_offset == len(chunk.data) - len(rest.data)


def test_cutting_nothing_changes_nothing() -> None:
    chunk = chunk_of((0, b"a\n"))
    assert drop_front(chunk, 0) is chunk


GOOD = chunk_of((0, b"a\nb\n"))


@pytest.mark.parametrize(
    "broken",
    [
        evolve(GOOD, attempt=0),
        evolve(GOOD, first_sequence=-1),
        evolve(GOOD, first_offset=-1),
        evolve(GOOD, gap_bytes=-1),
        evolve(GOOD, gap_bytes=5),
        evolve(GOOD, lines=1),
        evolve(GOOD, data=b"a\n"),
        evolve(GOOD, runs=b"x"),
        evolve(GOOD, runs=pack_runs([Run(0, 0, 0, 4)]), lines=0),
        evolve(GOOD, runs=pack_runs([Run(0, 5, 0, 4)]), lines=5),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(broken: LogChunk) -> None:
    check_chunk(GOOD)
    with pytest.raises(BrokenChunk):
        check_chunk(broken)


def test_public_sequences_rise_over_attempts_and_leave_zero_for_everything() -> None:
    assert public_sequence(1, 0) == 1
    assert public_sequence(2, 0) == 2**40 + 1
    assert split_sequence(public_sequence(3, 9)) == (3, 9)


@given(st.integers(0, 4_000_000_000_000_000))
def test_microseconds_are_exact(us: int) -> None:
    assert to_microseconds(from_microseconds(us)) == us


def test_output_does_not_show_in_a_representation() -> None:
    assert "secret" not in repr(chunk_of((0, b"secret\n")))
