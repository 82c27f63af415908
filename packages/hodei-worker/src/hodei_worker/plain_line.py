"""Command lines in an image that has no shell to read them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping

# Words that every shell would leave as they are, the first of them no assignment.
PLAIN = re.compile(r"[\w@%+:,./-]+([ \t]+[\w@%+=:,./-]+)*", re.ASCII)


def plain_words(line: str, environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """The program and its arguments that a line stands for.

    None where only a shell can tell, or where there is no such program: its owner then hears of the shell.
    """
    if not PLAIN.fullmatch(line.strip()):
        return None
    words = line.split()
    found = shutil.which(words[0], path=environment.get("PATH", ""))
    return tuple(words) if found else None
