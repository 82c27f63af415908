"""Which command lines need no shell."""

from __future__ import annotations

import pytest
from hodei_worker.plain_line import plain_words

PATH = {"PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("env", ("env",)),
        (" /usr/bin/env\t-i  A=b ", ("/usr/bin/env", "-i", "A=b")),
        ("env user@host:80/x%2C+1", ("env", "user@host:80/x%2C+1")),
    ],
)
def test_plain_words_are_what_a_shell_would_make_of_them(line: str, words: tuple[str, ...]) -> None:
    assert plain_words(line, PATH) == words


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        "A=b env",
        "env > x",
        "env; env",
        "env\nenv",
        "env $X",
        "env 'a'",
        "env *",
        "env ~",
        "env #",
        "env a\\ b",
    ],
)
def test_what_a_shell_would_change_is_left_to_one(line: str) -> None:
    assert plain_words(line, PATH) is None


def test_a_program_that_is_not_there_is_none() -> None:
    assert plain_words("no-such-program x", PATH) is None
    assert plain_words("env", {"PATH": "/nowhere"}) is None
    assert plain_words("/dev/null", PATH) is None
