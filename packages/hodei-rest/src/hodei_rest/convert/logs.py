"""Output: chunks as they are stored into columns, without an object per line of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import msgspec
from hodei_application.logs.page_logs import AttemptPage
from hodei_application.logs.scanning import LogLine
from hodei_domain.logs.chunk import PARTIAL, PLATFORM, STDERR, LogChunk, unpack_runs
from hodei_domain.logs.level import Level

from hodei_rest.schemas import logs as schema

LARGEST_FRAME = 1024 * 1024
WHY_LOST = "its worker could not keep it or was lost"
WHY_REMOVED = "it was kept for as long as logs are kept"
Piece = schema.LogBatch | schema.LogGap


def to_page(page: AttemptPage) -> schema.LogPage:
    """A page of stored lines."""
    return schema.LogPage(
        attempt=page.attempt,
        lines=[_line(each) for each in page.lines],
        next_after=page.last,
        first=page.first,
        last_sequence=page.stored,
        has_more=page.has_more,
        ended=page.ended,
    )


def _line(line: LogLine) -> schema.LogLine:
    entry = line.entry
    return schema.LogLine(
        sequence=line.number,
        stream="stderr" if entry.stderr else "stdout",
        time=entry.at,
        level=None if line.level is Level.NONE else cast(schema.LevelName, line.level.value),
        text=entry.data.decode("utf-8", "replace"),
        partial=entry.partial,
        platform=entry.platform,
        gap=schema.Gap(bytes=entry.gap_bytes, why=_why(entry.removed), removed=entry.removed)
        if entry.gap_bytes
        else None,
    )


def _why(removed: bool) -> str:
    return WHY_REMOVED if removed else WHY_LOST


def to_pieces(chunk: LogChunk) -> Iterator[Piece]:
    """A chunk as a client gets it: what was lost before it, then its lines."""
    first = chunk.first_sequence + 1
    if chunk.gap_bytes:
        yield schema.LogGap(
            attempt=chunk.attempt,
            sequence=first,
            bytes=chunk.gap_bytes,
            why=_why(chunk.removed),
            removed=chunk.removed,
        )
        first += 1
    if chunk.data:
        yield _batch(chunk, first)


def _batch(chunk: LogChunk, first: int) -> schema.LogBatch:
    base_ms, rest_us = divmod(chunk.base_time_us, 1000)
    lines: list[str] = []
    times: list[int] = []
    marked: dict[int, list[int]] = {STDERR: [], PLATFORM: [], PARTIAL: []}
    start = 0
    for run in unpack_runs(chunk.runs):
        # Decoded before it is split: a newline is never a part of another character.
        pieces = chunk.data[start : start + run.nbytes].decode("utf-8", "replace").split("\n")
        if not pieces[-1]:
            pieces.pop()
        start += run.nbytes
        at = len(lines)
        lines += pieces
        times += [(rest_us + run.delta_us) // 1000] * len(pieces)
        if run.flags:
            for flag in (STDERR, PLATFORM):
                if run.flags & flag:
                    marked[flag].extend(range(at, len(lines)))
            if run.flags & PARTIAL:
                marked[PARTIAL].append(len(lines) - 1)
    return schema.LogBatch(
        attempt=chunk.attempt,
        first=first,
        base_time=base_ms,
        times=times,
        stderr=marked[STDERR],
        partial=marked[PARTIAL],
        platform=marked[PLATFORM],
        lines=lines,
    )


def encoded(batch: schema.LogBatch, limit: int = LARGEST_FRAME) -> Iterator[tuple[int, bytes]]:
    """The batch as JSON and its last sequence, in several pieces if one would be longer than `limit`.

    A line is never cut: its length is bounded where it is read.
    """
    text = msgspec.json.encode(batch)
    count = len(batch.lines)
    if len(text) <= limit or count == 1:
        yield batch.first + count - 1, text
        return
    for begin, end in ((0, count // 2), (count // 2, count)):
        yield from encoded(_cut(batch, begin, end), limit)


def _cut(batch: schema.LogBatch, begin: int, end: int) -> schema.LogBatch:
    def within(indices: list[int]) -> list[int]:
        return [each - begin for each in indices if begin <= each < end]

    return msgspec.structs.replace(
        batch,
        first=batch.first + begin,
        times=batch.times[begin:end],
        stderr=within(batch.stderr),
        partial=within(batch.partial),
        platform=within(batch.platform),
        lines=batch.lines[begin:end],
    )
