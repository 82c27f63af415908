"""What an agent printed, out of the engine's stream, in which standard output and error are interleaved."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

HEADER = 8


class Stream(IntEnum):
    """Where something was printed; the numbers are the engine's."""

    STDOUT = 1
    STDERR = 2


def frames(raw: bytes) -> Iterator[tuple[Stream, bytes]]:
    """The pieces in the order in which they were printed. A piece that is cut off at the end is left out."""
    at = 0
    while at + HEADER <= len(raw):
        size = int.from_bytes(raw[at + 4 : at + HEADER], "big")
        piece = raw[at + HEADER : at + HEADER + size]
        if len(piece) < size:
            return
        yield (Stream.STDERR if raw[at] == Stream.STDERR else Stream.STDOUT), piece
        at += HEADER + size


def lines(raw: bytes) -> list[tuple[Stream, str]]:
    """Whole lines, each with its stream, in the order of their ends; an unfinished one last."""
    rest = dict.fromkeys(Stream, b"")
    found: list[tuple[Stream, str]] = []
    for stream, piece in frames(raw):
        *whole, rest[stream] = (rest[stream] + piece).split(b"\n")
        found += [(stream, _text(line)) for line in whole]
    return found + [(stream, _text(line)) for stream, line in rest.items() if line]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").removesuffix("\r")
