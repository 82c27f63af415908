"""Markdown, as the generated pages need it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; line breaks in cells become blanks, bars are escaped."""
    lines = [_row(head), _row(["---"] * len(head)), *(_row([cell(each) for each in row]) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def cell(text: str) -> str:
    """A text that may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """A word as code, or nothing for nothing."""
    return f"`{text}`" if text else ""


def purpose(subject: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(subject) or "").split("\n\n")[0].split())
