"""Converters for attrs fields: any iterable in, something frozen kept.

Named and typed, because a type checker cannot see through `converter=tuple`.
"""

from collections.abc import Iterable


def texts(values: Iterable[str]) -> tuple[str, ...]:
    """Texts in their order."""
    return tuple(values)


def text_set(values: Iterable[str]) -> frozenset[str]:
    """Texts without order."""
    return frozenset(values)


def number_set(values: Iterable[int]) -> frozenset[int]:
    """Whole numbers without order."""
    return frozenset(values)
