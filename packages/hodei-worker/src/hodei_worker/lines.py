"""Cut bytes at line feeds: pure, and without a step per line."""

from __future__ import annotations

from typing import NamedTuple

LONGEST_LINE = 64 * 1024  # longer ones travel in several entries


class Piece(NamedTuple):
    """Whole entries. When `partial`, the last has no line feed and goes on in the next piece."""

    data: bytes
    entries: int
    partial: bool


def cut(buffer: bytes, longest: int = LONGEST_LINE) -> tuple[list[Piece], bytes]:
    """Split into pieces of whole lines and the beginning of a line (shorter than `longest`) that is left.

    Lines longer than `longest` bytes are broken, between two characters if they are UTF-8. Takes a few
    searches for each `longest` bytes, however many lines there are.
    """
    pieces: list[Piece] = []
    start = at = 0  # of the piece, and of the first line not yet looked at
    while len(buffer) - at >= longest:
        feed = buffer.rfind(b"\n", at, at + longest)
        if feed >= 0:
            at = feed + 1
            continue
        at = _between_characters(buffer, at, at + longest)
        pieces.append(Piece(buffer[start:at], buffer.count(b"\n", start, at) + 1, True))
        start = at
    end = buffer.rfind(b"\n", start) + 1
    if end > start:
        pieces.append(Piece(buffer[start:end], buffer.count(b"\n", start, end), False))
        start = end
    return pieces, buffer[start:]


def _between_characters(buffer: bytes, start: int, end: int) -> int:
    """The last place not after `end` that is not inside a UTF-8 character.

    `end` itself if the text is none.
    """
    for place in range(end, max(start, end - 4), -1):
        if place == len(buffer) or buffer[place] & 0xC0 != 0x80:
            return place
    return end
