"""Levels of log lines, recognised from the text as programs commonly write it."""

import re
from enum import StrEnum


class Level(StrEnum):
    """How serious a line says it is, the worst first."""

    ERROR = "ERROR"
    WARN = "WARN"
    INFO = "INFO"
    DEBUG = "DEBUG"
    NONE = ""


_WINDOW = 256  # a level stands at the front of a line; further words are prose
_WORDS = {
    "emerg": Level.ERROR,
    "alert": Level.ERROR,
    "panic": Level.ERROR,
    "fatal": Level.ERROR,
    "critical": Level.ERROR,
    "crit": Level.ERROR,
    "severe": Level.ERROR,
    "error": Level.ERROR,
    "err": Level.ERROR,
    "warning": Level.WARN,
    "warn": Level.WARN,
    "notice": Level.INFO,
    "info": Level.INFO,
    "debug": Level.DEBUG,
    "trace": Level.DEBUG,
}
_COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")  # SGR, which stands next to words as if it belonged to them
_ANY = "|".join(sorted(_WORDS, key=len, reverse=True))
_UPPER = re.compile(rf"\b(?:{_ANY.upper()})\b")
_LOWERED = re.compile(
    rf"""(?:level|lvl|severity)["']?\s*[=:]\s*["']?({_ANY})\b|[\[<(]\s*({_ANY})\s*[\])>]|^\s*({_ANY})\s*:"""
)


def level_of(line: bytes) -> Level:
    """The level that a line names; NONE if it names none.

    The first that stands in the front of the line counts.
    """
    plain = _COLOUR.sub(b"", line[: 2 * _WINDOW]) if b"\x1b" in line else line
    front = plain[:_WINDOW].decode("utf-8", "replace")
    shout = _UPPER.search(front)
    marked = _LOWERED.search(front.lower())
    found = [(m.start(), m.group(m.lastindex or 0)) for m in (shout, marked) if m is not None]
    return _WORDS[min(found)[1].lower()] if found else Level.NONE
