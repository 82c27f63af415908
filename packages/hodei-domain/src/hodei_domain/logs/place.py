"""Where a chunk that arrives belongs.

What is accepted has no gap and no duplicate, and nothing is skipped in silence.
"""

from attrs import frozen

from hodei_domain.logs.chunk import LogChunk, drop_front


@frozen
class Fresh:
    """It follows what is stored."""

    chunk: LogChunk


@frozen
class Trimmed:
    """Its front is stored already; `chunk` is the rest, which follows what is stored."""

    chunk: LogChunk


@frozen
class Duplicate:
    """All of it is stored already."""


@frozen
class Gap:
    """Something before it is missing: not to be stored; the sender must resume from `next_sequence`."""

    next_sequence: int


Place = Fresh | Trimmed | Duplicate | Gap


def place(next_sequence: int, next_offset: int, chunk: LogChunk) -> Place:
    """Judge a chunk against the end of what is stored of its attempt. Check it with check_chunk() before.

    A chunk that has nothing in it is a Duplicate. One that fits by its sequence and not by its offset is a
    Gap: its sender counts otherwise than the sender of what is stored.
    """
    if chunk.next_sequence <= next_sequence:
        return Duplicate()
    if chunk.first_sequence > next_sequence:
        return Gap(next_sequence)
    rest = drop_front(chunk, next_sequence - chunk.first_sequence)
    if rest.first_offset != next_offset:
        return Gap(next_sequence)
    return Fresh(chunk) if rest is chunk else Trimmed(rest)
