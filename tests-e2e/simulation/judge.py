"""Judges the promises from the history and the final state."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulation.world import World


def judge(world: World) -> list[str]:
    """What was broken; empty if every promise was kept."""
    return list(world.history.problems) + ([] if world.settled else ["not settled"])
