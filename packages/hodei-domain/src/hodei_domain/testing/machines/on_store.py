"""What machines over a store have in common: a loop of their own and a unit of work."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from hodei_domain.testing.fakes import MemoryStore
from hodei_domain.testing.stores import Begin

T = TypeVar("T")


class StoreMachine(RuleBasedStateMachine):
    """Runs coroutines on a loop that lives as long as the example."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self.begin: Begin = self.run(self.open())

    async def open(self) -> Begin:
        """A unit of work over an empty store; called once for each example, on its loop."""
        return MemoryStore().begin

    async def close(self) -> None:
        """Let go of what open() took."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run to the end."""
        return self._runner.run(coroutine)

    def teardown(self) -> None:
        """Judge a last time, then close."""
        try:
            self.at_the_end()
        finally:
            self.run(self.close())
            self._runner.close()

    def at_the_end(self) -> None:
        """What must hold once everything was said."""
