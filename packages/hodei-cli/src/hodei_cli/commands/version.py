"""`hodei version`."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version as version_of

from hodei_cli.groups import command
from hodei_cli.options import current
from hodei_cli.render import show_one


def text() -> str:
    """One line with the version of Hodei and what it runs on."""
    return f"hodei {version_of('hodei-cli')} (Python {platform.python_version()}, {sys.platform})"


@command()
def version() -> None:
    """Print the version.

    \b
    Examples:
      hodei version
      hodei version --output json
    """
    if not current().structured:
        print(text())
        return
    record = {
        "version": version_of("hodei-cli"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    show_one(record, current().output)
