"""Tables for people: full where there is room, readable in whatever columns a terminal has.

What is too wide becomes narrower in this order: ids are their last eight characters, as the dashboard shows
them and every command takes them; times lose their date or their seconds; columns without a value go; names
are cut; and columns go, the least important first.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hodei_cli.terminal import STATE_COLOURS, paint

Record = Mapping[str, Any]
GAP = "  "
CUT_TO = 12  # columns that a text keeps as long as others can go
SHORT_ID = 8
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Column(NamedTuple):
    """A table's column: the record's key, its title, and whether it may be cut to fit the terminal.

    Of those with a `rank` the highest goes first where there is no room; without one it always stays.
    """

    key: str
    title: str
    elastic: bool = False
    rank: int = 0


class _Shape(NamedTuple):
    columns: Sequence[Column]
    cells: Sequence[Sequence[str]]  # by row

    @property
    def natural(self) -> list[int]:
        """Columns of the terminal that each takes, its title included."""
        by_column = [[row[number] for row in self.cells] for number in range(len(self.columns))]
        return [
            max(len_shown(cell) for cell in (column.title, *each))
            for column, each in zip(self.columns, by_column, strict=True)
        ]

    @property
    def least(self) -> int:
        """What it takes once every text is cut."""
        return _sum(
            min(width, CUT_TO) if column.elastic else width
            for column, width in zip(self.columns, self.natural, strict=True)
        )

    def without(self, number: int) -> _Shape:
        """The rest, without that column."""
        keep = [n for n in range(len(self.columns)) if n != number]
        return _Shape([self.columns[n] for n in keep], [[row[n] for n in keep] for row in self.cells])


def table(records: Sequence[Record], columns: Sequence[Column], width: int | None) -> list[str]:
    """Aligned lines under a title line, of at most `width` columns of the terminal (None: endless)."""
    shape = _shape(records, columns, text_of)
    if width is not None:
        shape = _narrowed(records, columns, width)
    widths = shape.natural
    if width is not None:
        _cut_elastic(widths, shape.columns, width, CUT_TO)
        _cut_elastic(widths, shape.columns, width, 4)
    lines = [_line([column.title for column in shape.columns], widths, "bold")]
    return lines + [_line(row, widths, None) for row in shape.cells]


def _shape(records: Sequence[Record], columns: Sequence[Column], form: Callable[[Any], str]) -> _Shape:
    return _Shape(columns, [[form(record.get(column.key)) for column in columns] for record in records])


def _narrowed(records: Sequence[Record], columns: Sequence[Column], width: int) -> _Shape:
    """The fullest form that fits, or of the briefest one the columns that do."""
    for form in (text_of, _with_short_ids, _brief):
        shape = _shape(records, columns, form)
        if _sum(shape.natural) <= width:
            return shape
    while shape.least > width and (number := _least_important(shape)) is not None:
        shape = shape.without(number)
    return shape


def _least_important(shape: _Shape) -> int | None:
    """The column to leave out next: one without a value, else the one of the highest rank."""

    def order(number: int) -> tuple[bool, int]:
        return not any(row[number] for row in shape.cells), shape.columns[number].rank

    ranked = [number for number, column in enumerate(shape.columns) if column.rank]
    return max(ranked, key=order, default=None)


def _cut_elastic(widths: list[int], columns: Sequence[Column], width: int, least: int) -> None:
    over = _sum(widths) - width
    for number in sorted(range(len(widths)), key=lambda n: -widths[n]):
        if over > 0 and columns[number].elastic:
            less = min(over, max(widths[number] - least, 0))
            widths[number] -= less
            over -= less


def _sum(widths: Iterable[int]) -> int:
    each = list(widths)
    return sum(each) + len(GAP) * (len(each) - 1)


def _line(cells: Sequence[str], widths: Sequence[int], colour: str | None) -> str:
    parts = []
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        shown = cut(cell, width)
        padding = "" if number == len(cells) - 1 else " " * (width - len_shown(shown))
        parts.append((paint(shown, colour, sys.stdout) if colour else painted(shown)) + padding)
    return GAP.join(parts).rstrip()


def painted(text: str) -> str:
    """A state in its colour, anything else as it is."""
    return paint(text, STATE_COLOURS.get(text), sys.stdout)


def len_shown(text: str) -> int:
    """Columns a terminal gives to `text`."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def cut(text: str, width: int) -> str:
    """`text`, ended with … if it needs more than `width` columns."""
    if len_shown(text) <= width:
        return text
    while text and len_shown(text) > width - 1:
        text = text[:-1]
    return text + "…"


def short_id(id: str) -> str:
    """The end of an id, as the dashboard shows it: the beginning is the time and the same for neighbours."""
    return id[-SHORT_ID:] if is_id(id) else id


def is_id(text: str) -> bool:
    """Whether that is a whole id."""
    return _ID.fullmatch(text) is not None


def _with_short_ids(value: Any) -> str:
    return short_id(text_of(value))


def _brief(value: Any) -> str:
    if not isinstance(value, datetime):
        return _with_short_ids(value)
    at = value.astimezone()
    today = at.date() == datetime.now(at.tzinfo).date()
    return at.strftime("%H:%M:%S" if today else "%m-%d %H:%M")


def text_of(value: Any) -> str:
    """One cell: nothing for None, local time to the second, `k=v` where there is one; control codes shown."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={text_of(each)}" for key, each in value.items() if each not in (None, ""))
    if isinstance(value, (list, tuple, frozenset)):
        return ", ".join(text_of(each) for each in value)
    return printable(str(value))


def printable(text: str) -> str:
    """`text` without what could steer a terminal: a job's name may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def span(value: timedelta) -> str:
    """A duration for people: 0.4s, 12s, 3m05s, 2h10m, 3d4h."""
    seconds = value.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"
