"""What a check of `hodei doctor` finds."""

from __future__ import annotations

from typing import NamedTuple

OK, NOTE, PROBLEM = "ok", "note", "problem"


class Finding(NamedTuple):
    """What one check found. Only a PROBLEM keeps Hodei from running jobs on this machine."""

    check: str
    verdict: str
    found: str
    mend: str = ""
