"""What the store suites have in common."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hodei_domain.testing.stores import Begin, Stores


class StoreContract:
    """Gives the fixture that subclasses must define."""

    @pytest.fixture
    def begin(self) -> Begin:
        """A unit of work over an empty store."""
        raise NotImplementedError("define the fixture `begin`")


async def outcomes(*racing: Awaitable[object]) -> list[object]:
    """Run all at once; their results, or the exceptions that they ended with."""
    return list(await asyncio.gather(*racing, return_exceptions=True))


class Broken(Exception):
    """What breaks a transaction off on purpose."""


async def break_off(begin: Begin, act: Callable[[Stores], Awaitable[object]]) -> None:
    """Do something in a transaction that then fails with Broken."""
    async with begin() as tx:
        await act(tx)
        raise Broken


def redefined_tests(suite: type) -> list[str]:
    """The tests of a contract that a subclass redefines, which it must not: they are the contract."""
    return sorted(
        f"{suite.__name__}.{name}"
        for name in vars(suite)
        if name.startswith("test_") and any(hasattr(base, name) for base in suite.__bases__)
    )
