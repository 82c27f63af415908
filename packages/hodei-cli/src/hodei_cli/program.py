"""How this program was called, for the lines that tell a person what to type next."""

from __future__ import annotations

import os
import re
import shlex
import shutil


def _called(typed: str) -> str:
    """The shortest that starts this program again: `hodei` where the shell finds it by that name."""
    found = shutil.which("hodei")
    if not typed or (found is not None and os.path.realpath(found) == os.path.realpath(typed)):
        return "hodei"
    return shlex.quote(typed if "/" in typed else f"./{typed}")


# The launcher of a checkout tells how it was called. Nothing that is started from here inherits it.
CALLED = _called(os.environ.pop("_HODEI_CALLED", ""))


def as_typed(text: str) -> str:
    """Return the text with each `hodei COMMAND` in it as this user has to type it."""
    if CALLED == "hodei":
        return text
    from hodei_cli.root import COMMANDS

    commands = "|".join(COMMANDS)
    return re.sub(rf"(?<![\w/.-])hodei (?=(?:{commands})\b)", lambda _: f"{CALLED} ", text)
