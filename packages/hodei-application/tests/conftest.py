from collections.abc import AsyncIterator

import pytest
from hodei_application.testing import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A control plane in which nothing happens that a test does not let happen."""
    world = World()
    yield world
    await world.control.stop()
