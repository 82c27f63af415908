"""The service on a control plane whose time, store and agents are in a test's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from attrs import define
from hodei_application.testing.world import World
from hodei_rest.service import Limits, RestService

WITHIN = 30.0  # seconds; only a limit for what would otherwise hang


@define
class Rest:
    """A service that answers over a real port, and a client of it."""

    world: World
    service: RestService
    client: httpx.AsyncClient


class Serve:
    """Makes services; each stops at the end of the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def __call__(
        self, world: World | None = None, *, token: str | None = None, **limits: object
    ) -> Rest:
        world = world or World(time_runs=True)
        told = {"token": token, "only_loopback": token is None, **limits}
        service = RestService.bind("127.0.0.1", 0, Limits(**told))  # type: ignore[arg-type]
        self._stack.callback(service.close)
        await self._stack.enter_async_context(service.serving(world.control))
        client = httpx.AsyncClient(base_url=f"http://{service.address}", timeout=WITHIN, trust_env=False)
        return Rest(world, service, await self._stack.enter_async_context(client))


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:
        yield Serve(stack)


@pytest.fixture
async def rest(serve: Serve) -> Rest:
    """In development mode: nobody is asked for a token."""
    return await serve()
