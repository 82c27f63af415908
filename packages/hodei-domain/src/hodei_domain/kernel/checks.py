"""Checks of input.

Each raises InvalidInput with the field's name; all are for use in attrs validators or by hand.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from hodei_domain.kernel.errors import InvalidInput

Validator = Callable[[Any, Any, Any], None]


def check_text(text: object, field: str, longest: int) -> None:
    """A string without NUL, encodable as UTF-8 (protobuf and Postgres take nothing else), of at most
    `longest` characters.
    """
    if not isinstance(text, str):
        raise InvalidInput("must be a text", field=field)
    if len(text) > longest:
        raise InvalidInput(f"is longer than {longest} characters", field=field)
    if "\0" in text:
        raise InvalidInput("contains a NUL character", field=field)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput("is not valid Unicode", field=field) from None


def check_texts(texts: Iterable[object], field: str, longest: int, most: int) -> None:
    """At most `most` texts, each as check_text() wants it."""
    count = 0
    for count, text in enumerate(texts, 1):
        check_text(text, f"{field}[{count - 1}]", longest)
    if count > most:
        raise InvalidInput(f"has more than {most} entries", field=field)


def check_labels(labels: Mapping[str, str], field: str) -> None:
    """At most 256 labels; keys are not empty and up to 256 characters, values up to 4,096."""
    if len(labels) > 256:
        raise InvalidInput("has more than 256 entries", field=field)
    for key, value in labels.items():
        check_text(key, field, 256)
        if not key:
            raise InvalidInput("has an empty key", field=field)
        check_text(value, f"{field}.{key}", 4096)


def text(longest: int) -> Validator:
    """A validator of one text."""

    def check(_: Any, attribute: Any, value: object) -> None:
        check_text(value, attribute.name, longest)

    return check


def within(lowest: float, highest: float) -> Validator:
    """A validator of a finite number, both bounds included."""

    def check(_: Any, attribute: Any, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InvalidInput("must be a number", field=attribute.name)
        if not lowest <= value <= highest:
            raise InvalidInput(f"must be from {lowest} to {highest}", field=attribute.name)

    return check


def check_whole(value: object, field: str, lowest: int, highest: int) -> None:
    """A whole number, both bounds included."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput("must be a whole number", field=field)
    if not lowest <= value <= highest:
        raise InvalidInput(f"must be from {lowest} to {highest}", field=field)


def whole(lowest: int, highest: int) -> Validator:
    """A validator of a whole number, both bounds included."""

    def check(_: Any, attribute: Any, value: Any) -> None:
        check_whole(value, attribute.name, lowest, highest)

    return check


def lasting(longest: timedelta, *, shortest: timedelta | None = None, zero: bool = False) -> Validator:
    """A validator of a duration, or of none where None is given; `zero` allows an empty one."""

    def check(_: Any, attribute: Any, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, timedelta):
            raise InvalidInput("must be a duration", field=attribute.name)
        if value < timedelta(0) or (not value and not zero):
            raise InvalidInput(
                "must be longer than nothing" if not zero else "is negative", field=attribute.name
            )
        if shortest is not None and value < shortest:
            raise InvalidInput(f"is shorter than {shortest.total_seconds():g} s", field=attribute.name)
        if value > longest:
            raise InvalidInput(f"is longer than {_words(longest)}", field=attribute.name)

    return check


def _words(span: timedelta) -> str:
    """A bound for people: in the largest unit of which it is so many."""
    for name, unit in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(span, timedelta(seconds=unit))
        if count and not rest:
            return f"{count} {name}{'s' if count != 1 else ''}"
    return str(span)


def one_of(*kinds: type) -> Validator:
    """A validator of an instance of one of these classes."""
    names = " or ".join(kind.__name__ for kind in kinds)

    def check(_: Any, attribute: Any, value: object) -> None:
        if not isinstance(value, kinds):
            raise InvalidInput(f"must be a {names}", field=attribute.name)

    return check
