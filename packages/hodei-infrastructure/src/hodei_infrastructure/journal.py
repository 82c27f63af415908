"""The log of our own processes: records of `logging`, rendered one line each to standard error.

Code logs with the standard library and gives facts as `extra`; this module turns both into a line for people
(console), for `grep` and log shippers (logfmt) or for machines (JSON). structlog would do the same, but each
start would be 120 ms longer (it imports rich) and each record cost three times the work.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TextIO

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_NEEDS_QUOTES = frozenset(' "=\\\n\r\t')


def _facts(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    """What the caller gave as `extra`, then the error with its trace."""
    for name, value in record.__dict__.items():
        if name not in _PLAIN:
            yield name, value
    if record.exc_info and record.exc_info[1] is not None:
        yield "error", repr(record.exc_info[1])
        yield "trace", logging.Formatter().formatException(record.exc_info)


def _quoted(value: object) -> str:
    text = str(value)
    if text and _NEEDS_QUOTES.isdisjoint(text) and text.isprintable():
        return text
    return json.dumps(text, ensure_ascii=False)


def _pairs(record: logging.LogRecord) -> str:
    return "".join(f" {name}={_quoted(value)}" for name, value in _facts(record))


def _instant(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def as_logfmt(record: logging.LogRecord) -> str:
    """`at=… level=info logger=hodei.x event="…" key=value`."""
    head = f"at={_instant(record)} level={record.levelname.lower()} logger={record.name}"
    return f"{head} event={_quoted(record.getMessage())}{_pairs(record)}"


def as_json(record: logging.LogRecord) -> str:
    """One JSON object on one line; facts that JSON does not know become text."""
    line: dict[str, object] = {
        "at": _instant(record),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": record.getMessage(),
    }
    return json.dumps(line | dict(_facts(record)), default=str, ensure_ascii=False)


def as_console(record: logging.LogRecord) -> str:
    """A line for a person: local time, level, message, facts; a trace on lines of its own."""
    facts = dict(_facts(record))
    trace = facts.pop("trace", None)
    pairs = "".join(f" {name}={_quoted(value)}" for name, value in facts.items())
    at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
    line = f"{at} {record.levelname:<7} {_one_line(record.getMessage())}{pairs}"
    return f"{line}\n{trace}" if trace else line


def _one_line(text: str) -> str:
    # A message may carry text of a client; it must not be able to forge a line of the log.
    return text if text.isprintable() else json.dumps(text, ensure_ascii=False)[1:-1]


FORMATS: dict[str, Callable[[logging.LogRecord], str]] = {
    "console": as_console,
    "logfmt": as_logfmt,
    "json": as_json,
}


class JournalHandler(logging.StreamHandler[TextIO]):
    """Writes records; when standard error is gone there is nobody left to tell, so it is silent then."""

    def __init__(self, render: Callable[[logging.LogRecord], str], stream: TextIO) -> None:
        super().__init__(stream)
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        return self._render(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the base class's name)
        if not isinstance(sys.exc_info()[1], OSError | ValueError):
            super().handleError(record)


def open_journal(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send what is logged to `stream` (standard error): ours from `level` on, of libraries only warnings."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, JournalHandler):
            root.removeHandler(handler)
    root.addHandler(JournalHandler(FORMATS[form], stream or sys.stderr))
    root.setLevel(logging.WARNING)
    logging.getLogger("hodei").setLevel(level.upper())
    logging.captureWarnings(True)
