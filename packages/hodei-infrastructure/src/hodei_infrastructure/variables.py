"""Reading environment variables: what a text means, and what to say when it means nothing.

A reader never stops at the first problem: who starts a server wants to hear everything that is wrong at once.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
_SIZES = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


_RUST_LEVELS = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "error": "error",
    "off": "error",
}
_DETAIL = ("debug", "info", "warning", "error")


class SettingsError(Exception):
    """The environment cannot be used. `problems` names each variable and what to do about it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(("the environment has problems:", *(f"  {each}" for each in self.problems)))
        )


class Refused(ValueError):
    """A text is not a value of this kind; the message says what would be."""


class Reader:
    """Takes values out of an environment and collects problems instead of raising them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: set[str] = set()
        self.problems: list[str] = []

    def read(self, names: str, parse: Callable[[str], T], default: T) -> T:
        """The value of the first of `names` (parted by blanks) that is set and not empty, else `default`."""
        self._known.update(names.split())
        for name in names.split():
            text = self._environ.get(name, "").strip()
            if not text:
                continue
            try:
                return parse(text)
            except Refused as refusal:
                self.problems.append(f"{name}: {refusal}")
                return default
        return default

    def refuse_unknown(self, prefix: str, others: Iterable[str], free: tuple[str, ...]) -> None:
        """Report variables that begin with `prefix` and were not read here.

        `others` are names that somebody else reads; names that begin with one of `free` pass too.
        """
        known = self._known.union(others)
        ends = sorted(name.removeprefix(prefix) for name in known if name.startswith(prefix))
        for name in sorted(self._environ):
            if name.startswith(prefix) and name not in known and not name.startswith(free):
                near = difflib.get_close_matches(name.removeprefix(prefix), ends, n=1, cutoff=0.6)
                hint = f"did you mean {prefix}{near[0]}?" if near else "unset it"
                self.problems.append(f"{name}: no such variable; {hint}")


def size(text: str) -> int:
    """Bytes, from a number with its unit, as agents read it: `64MiB`, `1GiB`."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    factor = _SIZES.get(text[len(number) :].strip().lower())
    if not number.isdecimal() or factor is None:
        raise Refused(f"{text!r} is no size; write one with its unit, such as 64MiB or 1GiB")
    if not 2**20 <= int(number) * factor <= 2**40:
        raise Refused(f"{text!r} is out of range; write 1MiB to 1TiB")
    return int(number) * factor


def flag(text: str) -> bool:
    """`1 true yes on` and `0 false no off`, in any case."""
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise Refused(f"{text!r} is neither yes nor no; write 1 or 0")


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number between `low` and `high`, both included."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise Refused(f"{text!r} is not a whole number; write one from {low} to {high}") from None
        if not low <= value <= high:
            raise Refused(f"{value} is out of range; write a number from {low} to {high}")
        return value

    return parse


def port(text: str) -> int:
    """A TCP port; 0 lets the system choose a free one."""
    return whole(0, 65535)(text)


def port_or_off(text: str) -> int:
    """A TCP port, 0 for a free one; -1 for `off`."""
    if text.lower() == "off":
        return -1
    try:
        return port(text)
    except Refused as refusal:
        raise Refused(f"{refusal}, or off") from None


def duration(text: str) -> timedelta:
    """Seconds as a plain number, or a number with one of the units ms, s, m, h, d."""
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(digits) :] or "s"
    try:
        seconds = float(digits) * _UNITS[unit]
        value = timedelta(seconds=seconds)
    except (ValueError, KeyError, OverflowError):
        raise Refused(
            f"{text!r} is no duration; write seconds or something like 500ms, 30s, 5m, 2h, 90d"
        ) from None
    if seconds <= 0:
        raise Refused(f"{text!r} must be more than nothing")
    return value


def duration_from(least: timedelta) -> Callable[[str], timedelta]:
    """A duration that is at least so long."""

    def parse(text: str) -> timedelta:
        value = duration(text)
        if value < least:
            raise Refused(f"{text!r} is too short; write {least.total_seconds():g}s or more")
        return value

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """One of a few words, in any case; given back in lower case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise Refused(f"{text!r} is not one of {', '.join(words)}")
        return text.lower()

    return parse


def rust_level(directives: str) -> str | None:
    """The most detailed level that a RUST_LOG names, in our words: this server's parts have one level."""
    named = (each.rpartition("=")[2].strip().lower() for each in directives.split(","))
    found = [_RUST_LEVELS[word] for word in named if word in _RUST_LEVELS]
    return min(found, key=_DETAIL.index, default=None)


def path(text: str) -> Path:
    """A path of this machine; `~` is the home directory, a relative path starts at the working directory."""
    if "\0" in text:
        raise Refused("a path has no NUL in it")
    return Path(os.path.abspath(Path(text).expanduser()))


def words(text: str) -> str:
    """Any text, without the blanks around it."""
    return text.strip()


def labels(text: str) -> dict[str, str]:
    """`name=value`, or several with commas between."""
    pairs = [each.strip().partition("=") for each in text.split(",")]
    if not all(name.strip() and equals for name, equals, _ in pairs):
        raise Refused(f"{text!r} is not name=value; write name=value, or several with commas between")
    return {name.strip(): value.strip() for name, _, value in pairs}


def amount(text: str) -> float:
    """A number that is not negative."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:
        raise Refused(f"{text!r} is no amount; write a number such as 0.05")
    return value


def address(text: str) -> str:
    """An IP address or `localhost`, without a port."""
    if text == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise Refused(
            f"{text!r} is no IP address; write one without a port, such as 127.0.0.1 or ::1"
        ) from None


def servers(text: str) -> str:
    """`host:port`, or several with commas between."""
    listed = [each.strip() for each in text.split(",")]
    for each in listed:
        try:
            parts = urlsplit(f"//{each}")
            right = bool(parts.hostname) and bool(parts.port) and parts.netloc == each and "@" not in each
        except ValueError:
            right = False
        if not right:
            raise Refused(f"{each!r} is not host:port; write host:port, or several with commas between")
    return ",".join(listed)


def origins(text: str) -> tuple[str, ...]:
    """Origins of web pages as browsers say them, with commas between."""
    found = tuple(each.strip().rstrip("/").lower() for each in text.split(",") if each.strip())
    for each in found:
        parts = urlsplit(each)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
            raise Refused(f"{each!r} is no origin; write https://host or http://host:port")
    return found


def database_url(text: str) -> str:
    """An address of a Postgres database, as libpq reads it. The refusal repeats no password."""
    from hodei_infrastructure.postgres.conninfo import BadAddress, read  # the driver takes long to import

    try:
        read(text)
    except BadAddress as bad:
        raise Refused(str(bad)) from None
    return text


def without_password(url: str) -> str:
    """The address as a URL, with three stars for each secret."""
    from hodei_infrastructure.postgres.conninfo import shown

    return shown(url)


def maybe(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """The same reader for a value that may be absent; an unset variable never reaches it."""
    return parse
