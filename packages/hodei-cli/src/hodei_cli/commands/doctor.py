"""`hodei doctor`."""

from __future__ import annotations

import sys
import textwrap

from hodei_cli.checks import findings
from hodei_cli.exits import Exit
from hodei_cli.findings import OK, PROBLEM, Finding
from hodei_cli.groups import command
from hodei_cli.options import current
from hodei_cli.program import as_typed
from hodei_cli.render import show_list, terminal_width
from hodei_cli.terminal import paint

MARGIN = 21
SIGNS = {OK: ("ok", "green"), PROBLEM: ("problem", "red")}


@command()
def doctor() -> int:
    """Say what works here and how to mend the rest.

    The exit status is 1 if something keeps Hodei from running jobs on this machine.

    \b
    Examples:
      hodei doctor
      hodei doctor --output json
      hodei doctor --server build.example.org:50051
    """
    found = list(findings(current()))
    if current().structured:
        show_list([each._asdict() for each in found], [], current().output, "")
    else:
        for finding in found:
            _print(finding)
    return Exit.FAILED if any(each.verdict == PROBLEM for each in found) else Exit.OK


def _print(finding: Finding) -> None:
    word, colour = SIGNS.get(finding.verdict, ("note", "dim"))
    first, *rest = _wrapped(as_typed(finding.found))
    print(f"{paint(f'{word:<7}', colour, sys.stdout)}  {finding.check:<10}  {first}")
    for line in rest:
        print(f"{'':<{MARGIN}}{line}")
    for line in _wrapped(as_typed(finding.mend)):
        print(f"{'':<{MARGIN}}{paint(line, 'dim', sys.stdout)}")


def _wrapped(text: str) -> list[str]:
    width = terminal_width()
    return textwrap.wrap(text, max(width - MARGIN, 20)) if width is not None else [text] if text else []
