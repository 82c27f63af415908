"""Texts of the command line to values, each refusal with the option's name. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar

import click

T = TypeVar("T")

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES = {
    "": 1024**2,  # a bare number is MiB, as the specification counts memory
    "k": 1000,
    "m": 1000**2,
    "g": 1000**3,
    "t": 1000**4,
    "ki": 1024,
    "mi": 1024**2,
    "gi": 1024**3,
    "ti": 1024**4,
}
MOST_BYTES = 2**63 - 1  # what the wire can say
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def duration(text: str) -> timedelta:
    """`2s`, `5m`, `1h30m`, `250ms`; a bare number is seconds. Raise ValueError for anything else, and 0."""
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        text += "s"
    if not re.fullmatch(f"({_PIECE.pattern})+", text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 5m or 1h30m")
    seconds = math.fsum(float(number) * SECONDS[unit] for number, unit in _PIECE.findall(text))
    try:
        value = timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than anybody lives") from error
    if value <= timedelta(0):
        raise ValueError("must be more than 0")
    return value


def size(text: str) -> int:
    """Bytes of `512`, `512Mi`, `2G`, `1.5GiB`; a bare number is MiB. Raise ValueError if it is none."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a size such as 512Mi or 2G")
    value = round(float(found[1]) * BYTES[(found[2] or "").lower()])
    if value <= 0:
        raise ValueError("must be more than 0")
    if value > MOST_BYTES:
        raise ValueError(f"{text!r} is more than any machine has")
    return value


def pair(text: str) -> tuple[str, str]:
    """`NAME=VALUE`; the value may be empty and may hold further equals signs."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"{text!r} is not NAME=VALUE")
    return name, value


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Of several with one name the last one counts."""
    return dict(pair(each) for each in texts)


def env_file(text: str) -> dict[str, str]:
    """Lines of `NAME=VALUE`; empty lines, comments and a leading `export` are passed over, outer quotes go.

    Raise ValueError with the number of the first line that is none of these.
    """
    found = {}
    for number, each in enumerate(text.splitlines(), 1):
        line = each.strip().removeprefix("export ").lstrip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not _VARIABLE.fullmatch(name.strip()):
            raise ValueError(f"line {number} is not NAME=VALUE")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name.strip()] = value
    return found


class Parsed(click.ParamType[T]):
    """A click type from a function that raises ValueError with what is wrong."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Return the value; click names the option in what it says about a refusal."""
        if not isinstance(value, str):
            return value  # type: ignore[return-value]  # click converts a default that is a value already
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Parsed("duration", duration)
SIZE = Parsed("size", size)
PAIR = Parsed("name=value", pair)
