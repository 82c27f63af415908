"""Answers: a table for people, JSON or YAML for programs. A record is a dict with the same keys in all."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hodei_cli.program import as_typed
from hodei_cli.terminal import STATE_COLOURS, paint

Record = Mapping[str, Any]
GAP = "  "


class Column(NamedTuple):
    """A table's column: the record's key, its title, and whether it may be cut to fit the terminal."""

    key: str
    title: str
    elastic: bool = False


JOBS = [
    Column("id", "ID"),
    Column("name", "NAME", elastic=True),
    Column("state", "STATE"),
    Column("exit_code", "EXIT"),
    Column("reason", "REASON"),
    Column("queued_by", "BY", elastic=True),
    Column("created_at", "CREATED"),
    Column("duration", "TOOK"),
]


def show_list(records: Sequence[Record], columns: Sequence[Column], output: str, empty: str) -> None:
    """Print the records; `empty` is what a person reads when there are none."""
    if output != "table":
        print(dumped(list(records), output))
    elif records:
        print("\n".join(table(records, columns, _width())))
    else:
        print(as_typed(empty))


def show_one(record: Record, output: str) -> None:
    """Print one record, for a person as `key: value` lines without what is empty."""
    if output != "table":
        print(dumped(record, output))
        return
    shown = {key.replace("_", " "): value for key, value in record.items() if value not in (None, "", [], {})}
    margin = max(map(len, shown), default=0)
    for key, value in shown.items():
        for number, line in enumerate(_lines(value)):
            print(f"{key + ':' if number == 0 else '':<{margin + 1}} {_painted(line)}")


def show_lines(lines: Sequence[str], output: str, empty: str) -> None:
    """Print lines of text that somebody else wrote; `empty` is what a person reads when there are none."""
    if output != "table":
        print(dumped(list(lines), output))
        return
    for line in lines:
        print(printable(line))
    if not lines:
        print(as_typed(empty))


def show_next(record: Record, output: str, line: str) -> None:
    """Print one of many that come one by one: `line`, or a line of JSON, or a YAML document."""
    if output == "json":
        import json

        print(json.dumps(record, ensure_ascii=False, default=_plain), flush=True)
    elif output == "yaml":
        print(f"---\n{dumped(record, output)}", flush=True)
    else:
        print(line, flush=True)


def dumped(value: Any, output: str) -> str:
    """JSON or YAML text. Times are ISO 8601 in UTC, durations seconds."""
    if output == "json":
        import json

        return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    import yaml  # type: ignore[import-untyped]  # it ships no types, and this is its one use

    text: str = yaml.safe_dump(_plainly(value), sort_keys=False, allow_unicode=True)
    return text.rstrip("\n")


def table(records: Sequence[Record], columns: Sequence[Column], width: int | None) -> list[str]:
    """Aligned lines under a title line; elastic columns are cut where `width` (None: endless) asks for it."""
    cells = [[text_of(record.get(column.key)) for column in columns] for record in records]
    columns_of_cells = zip(*cells, strict=True)
    widths = [
        max(len_shown(cell) for cell in (column.title, *each))
        for column, each in zip(columns, columns_of_cells, strict=True)
    ]
    if width is not None:
        _fit(widths, columns, width)
    lines = [_line([column.title for column in columns], widths, "bold")]
    return lines + [_line(row, widths, None) for row in cells]


def _fit(widths: list[int], columns: Sequence[Column], width: int) -> None:
    over = sum(widths) + len(GAP) * (len(widths) - 1) - width
    for number in sorted(range(len(widths)), key=lambda n: -widths[n]):
        if over > 0 and columns[number].elastic:
            less = min(over, max(widths[number] - 12, 0))
            widths[number] -= less
            over -= less


def _line(cells: Sequence[str], widths: Sequence[int], colour: str | None) -> str:
    parts = []
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        shown = cut(cell, width)
        padding = "" if number == len(cells) - 1 else " " * (width - len_shown(shown))
        parts.append((paint(shown, colour, sys.stdout) if colour else _painted(shown)) + padding)
    return GAP.join(parts).rstrip()


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


def text_of(value: Any) -> str:
    """One cell: nothing for None, local time to the second, `k=v` for mappings; control codes are shown."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={text_of(each)}" for key, each in value.items())
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


def _lines(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return [printable(line) for line in value.splitlines()]
    if isinstance(value, (list, tuple)):
        return [text_of(each) for each in value]
    if isinstance(value, Mapping):
        return [f"{printable(str(key))}={text_of(each)}" for key, each in value.items()]
    return [text_of(value)]


def _painted(text: str) -> str:
    return paint(text, STATE_COLOURS.get(text), sys.stdout)


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _plainly(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plainly(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plainly(each) for each in value]
    return _plain(value) if isinstance(value, (datetime, timedelta)) else value
