"""Answers: a table for people, JSON or YAML for programs. A record is a dict with the same keys in all."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hodei_cli.program import as_typed
from hodei_cli.tables import Column, Record, painted, printable, table, text_of

JOBS = [
    Column("id", "ID"),
    Column("name", "NAME", elastic=True),
    Column("state", "STATE"),
    Column("exit_code", "EXIT", rank=3),
    Column("reason", "REASON", elastic=True, rank=4),
    Column("queued_by", "BY", elastic=True, rank=5),
    Column("created_at", "CREATED", rank=2),
    Column("duration", "TOOK", rank=1),
]


def show_list(records: Sequence[Record], columns: Sequence[Column], output: str, empty: str) -> None:
    """Print the records; `empty` is what a person reads when there are none."""
    if output != "table":
        print(dumped(list(records), output))
    elif records:
        print("\n".join(table(records, columns, terminal_width())))
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
            print(f"{key + ':' if number == 0 else '':<{margin + 1}} {painted(line)}")


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


def _lines(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return [printable(line) for line in value.splitlines()]
    if isinstance(value, (list, tuple)):
        return [text_of(each) for each in value]
    if isinstance(value, Mapping):
        return [f"{printable(str(key))}={text_of(each)}" for key, each in value.items()]
    return [text_of(value)]


def terminal_width() -> int | None:
    """Columns of the terminal that stdout is; None if it is none."""
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
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)  # YAML knows no kinds of numbers
    return _plain(value) if isinstance(value, (datetime, timedelta)) else value
