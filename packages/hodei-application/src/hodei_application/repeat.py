"""Again, when another was quicker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from hodei_domain.kernel.errors import ChangedMeanwhile, StoreClash

R = TypeVar("R")

TRIES = 5
"""Each try loses only to a transaction that won, so a handful is plenty outside of a pathological storm."""


async def repeat(transact: Callable[[], Awaitable[R]]) -> R:
    """Run a whole transaction; when what it read was saved by another meanwhile, or both stood in each
    other's way, read again and repeat.

    Raises ChangedMeanwhile or StoreClash after five tries.
    """
    for _ in range(TRIES - 1):
        try:
            return await transact()
        except (ChangedMeanwhile, StoreClash):
            continue
    return await transact()
