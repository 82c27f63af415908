"""Run one seed and judge it."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field

from simulation.judge import judge
from simulation.loop import Livelock
from simulation.world import World


@dataclass
class Report:
    """What became of a seed."""

    seed: int
    digest: int
    steps: int
    seconds: float  # virtual, in all
    settling: float  # virtual, after the last fault
    profile: str
    broken: list[str] = field(default_factory=list)
    story: list[tuple[float, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def run_seed(seed: int, *, keep: bool = False) -> Report:
    """Run it to its end. The same seed gives the same report in every process."""
    world = World(seed)
    world.history.keep = keep
    collecting = gc.isenabled()
    gc.disable()  # what is collected when must not depend on what ran before
    try:
        broken = []
        try:
            world.run()
        except Livelock as error:
            broken.append(f"livelock: {error}")
        broken += judge(world)
        world.close()
    finally:
        if collecting:
            gc.enable()
    history = world.history
    return Report(
        seed=seed,
        digest=history.digest,
        steps=world.loop.steps,
        seconds=world.now,
        settling=world.now - world.mended_at,
        profile=world.plan.profile,
        broken=broken,
        story=history.lines,
        counts={
            "jobs": len(world.store.tables.jobs.rows),
            "processes": len(history.ran),
            "faults": len(history.faults),
            "commits": world.store.commits,
        },
    )
