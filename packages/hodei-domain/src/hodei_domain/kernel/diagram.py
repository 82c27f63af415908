"""State diagrams, drawn from the transition tables that the code obeys."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

S = TypeVar("S", bound=Enum)


def mermaid(table: Mapping[S, frozenset[S]], start: S) -> str:
    """A mermaid state diagram of a transition table; states without a way out lead to the end mark."""
    order = {state: number for number, state in enumerate(table)}
    lines = ["stateDiagram-v2", f"    [*] --> {start.value}"]
    for state, following in table.items():
        lines += [f"    {state.value} --> {to.value}" for to in sorted(following, key=order.__getitem__)]
        if not following:
            lines.append(f"    {state.value} --> [*]")
    return "\n".join(lines) + "\n"
