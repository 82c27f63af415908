"""Chunks into columns."""

from __future__ import annotations

from uuid import uuid4

import msgspec
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, Run, entries, pack_runs, pieces_of, split_sequence
from hodei_rest.convert.logs import encoded, to_pieces
from hodei_rest.schemas.logs import LogBatch, LogGap
from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"") + b"\n"), min_size=1, max_size=4
)
READS = st.tuples(st.integers(0, 7), LINES.map(b"".join), st.booleans(), st.integers(0, 5_000_000))


@st.composite
def chunks(draw: st.DrawFn) -> LogChunk:
    runs, data = [], b""
    for flags, lines, cut, delta in draw(st.lists(READS, min_size=1, max_size=6)):
        text = lines[:-1] if cut and len(lines) > 1 and not lines.endswith(b"\n\n") else lines
        flags = (flags & ~2) | (0 if text.endswith(b"\n") else 2)
        runs.append(Run(flags, len(pieces_of(text)), delta, len(text)))
        data += text
    gap = draw(st.sampled_from([0, 0, 17]))
    return LogChunk(
        job_id=JobId(uuid4()),
        attempt=draw(st.integers(1, 3)),
        first_sequence=draw(st.integers(0, 1000)),
        lines=sum(run.entries for run in runs) + bool(gap),
        first_offset=0,
        base_time_us=draw(st.integers(0, 10**16)),
        runs=pack_runs(runs),
        data=data,
        gap_bytes=gap,
    )


def marks(batch: LogBatch) -> tuple[list[int], list[int], list[int]]:
    return batch.stderr, batch.partial, batch.platform


@given(chunks(), st.integers(200, 4000))
def test_columns_say_what_the_lines_say_one_by_one(chunk: LogChunk, limit: int) -> None:
    told = []
    for piece in to_pieces(chunk):
        if isinstance(piece, LogGap):
            told.append((piece.sequence, b"", False, False, False, piece.bytes))
            continue
        for last, text in encoded(piece, limit):
            batch = msgspec.json.decode(text, type=LogBatch)
            assert last == batch.first + len(batch.lines) - 1
            assert len(batch.times) == len(batch.lines)
            told += [
                (
                    batch.first + n,
                    line.encode(),
                    n in batch.stderr,
                    n in batch.partial,
                    n in batch.platform,
                    0,
                )
                for n, line in enumerate(batch.lines)
            ]
    expected = [
        (
            split_sequence(each.sequence)[1] + 1,
            each.data.decode("utf-8", "replace").encode(),
            each.stderr,
            each.partial,
            each.platform and not each.gap_bytes,
            each.gap_bytes,
        )
        for each in entries(chunk)
    ]
    assert told == expected


@given(chunks())
def test_times_are_those_of_the_lines_to_the_millisecond(chunk: LogChunk) -> None:
    times = [
        batch.base_time + delta
        for batch in to_pieces(chunk)
        if isinstance(batch, LogBatch)
        for delta in batch.times
    ]
    expected = [each.at.timestamp() * 1000 for each in entries(chunk) if not each.gap_bytes]
    assert all(-1 <= ours - theirs <= 1 for ours, theirs in zip(times, expected, strict=True))


def test_no_frame_is_longer_than_a_mebibyte_however_the_text_is_escaped() -> None:
    line = b"\x01" * 1000 + b"\n"
    data = line * 1000
    chunk = LogChunk(
        job_id=JobId(uuid4()),
        attempt=1,
        first_sequence=0,
        lines=1000,
        first_offset=0,
        base_time_us=0,
        runs=pack_runs([Run(1, 1000, 0, len(data))]),
        data=data,
    )
    (batch,) = to_pieces(chunk)
    assert isinstance(batch, LogBatch)
    frames = list(encoded(batch))
    assert len(frames) > 1
    assert max(len(text) for _, text in frames) <= 1024 * 1024
    read = [msgspec.json.decode(text, type=LogBatch) for _, text in frames]
    assert [each.first for each in read] == [1, *(last + 1 for last, _ in frames[:-1])]
    assert all(each.stderr == list(range(len(each.lines))) for each in read)
    assert sum(len(each.lines) for each in read) == 1000
