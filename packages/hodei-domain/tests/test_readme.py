"""The example of the README runs as it is printed."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_example_runs_and_prints_what_it_says() -> None:
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", README.read_text(), re.DOTALL)
    lines: list[str] = []
    names = {"print": lambda *values: lines.append(" ".join(map(str, values)))}
    exec(compile(code, str(README), "exec"), names)
    assert "\n".join(lines) + "\n" == printed
