"""docs/reference/states.md: the states and the moves between them, from the transition tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hodei_domain.jobs import state as jobs
from hodei_domain.jobs.result import Reason
from hodei_domain.providers.provider import ProviderStatus
from hodei_domain.workers import state as workers

from reference.markdown import code, purpose, table
from reference.words import JOB_STATES, REASONS, WORKER_STATES


def page() -> str:
    """The page."""
    return f"""\
# States

The code obeys one table for each kind of thing; the diagrams and the checks in the database come from
the same tables.

## Jobs

{_diagram(jobs.diagram())}

{_meanings("State", list(jobs.LEGAL), JOB_STATES)}

An end state is never left and never overwritten.

### Reasons

An ended job, and each ended attempt, carries a reason.

{_meanings("Reason", [each.value for each in Reason], REASONS)}

## Workers

{_diagram(workers.diagram())}

{_meanings("State", list(workers.LEGAL), WORKER_STATES)}

## Providers

{purpose(ProviderStatus)}

{table(["Status"], ([code(each.value)] for each in ProviderStatus))}
"""


def _diagram(text: str) -> str:
    return f"```mermaid\n{text.rstrip()}\n```"


def _meanings(kind: str, names: Sequence[str], words: Mapping[str, str]) -> str:
    if set(names) != set(words):
        raise LookupError(f"scripts/reference/words.py: {kind}: {sorted(set(names) ^ set(words))}")
    return table([kind, "Meaning"], ([code(name), words[name]] for name in map(str, names)))
