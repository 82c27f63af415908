"""A table on a terminal that is drawn again and again in the same place."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from types import TracebackType

HIDE, SHOW, HOME, CLEAR_LINE, CLEAR_BELOW = "\x1b[?25l", "\x1b[?25h", "\x1b[H", "\x1b[K", "\x1b[J"
OTHER_SCREEN, FIRST_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


class Screen:
    """The whole terminal, as a context; what was on it before comes back afterwards."""

    def __enter__(self) -> Screen:
        sys.stdout.write(OTHER_SCREEN + HIDE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout.write(SHOW + FIRST_SCREEN)
        sys.stdout.flush()

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines, as many as there is room for, in one write so that nothing flickers."""
        room = max(shutil.get_terminal_size().lines - 1, 1)
        shown = list(lines[:room])
        if len(lines) > room:
            shown[-1] = f"… {len(lines) - room + 1} more"
        sys.stdout.write(HOME + "".join(f"{line}{CLEAR_LINE}\n" for line in shown) + CLEAR_BELOW)
        sys.stdout.flush()

    @staticmethod
    def width() -> int:
        """Columns of the terminal."""
        return shutil.get_terminal_size().columns
