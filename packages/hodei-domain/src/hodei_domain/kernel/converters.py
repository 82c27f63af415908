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


def words(text: str) -> str:
    """A few words: at most 256 characters, what follows is cut."""
    return _cut(text, 256)


def sentence(text: str) -> str:
    """At most 1,024 characters, what follows is cut."""
    return _cut(text, 1024)


def paragraph(text: str) -> str:
    """At most 4,096 characters, what follows is cut."""
    return _cut(text, 4096)


def _cut(text: str, longest: int) -> str:
    text = text.replace("\0", "\ufffd")  # what people and workers say is kept, and no store takes a NUL
    return text if len(text) <= longest else text[: longest - 1] + "…"
