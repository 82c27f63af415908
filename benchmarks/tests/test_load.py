"""The load drivers: how many calls, how many at a time, and from when a call counts."""

import asyncio

import pytest

from benchmarks.load import at_once, at_rate, for_seconds


class Watch:
    """A call that notes which numbers came and how many were under way together."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.now = self.most = 0

    async def __call__(self, number: int) -> None:
        self.numbers.append(number)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1


async def test_a_closed_loop_makes_each_call_once_with_so_many_callers() -> None:
    watch = Watch()
    load = await at_once(watch, 25, 4)
    assert sorted(watch.numbers) == list(range(25))
    assert watch.most == 4
    assert len(load.times_ms) == 25


async def test_an_open_loop_charges_a_late_call_with_its_delay() -> None:
    gate = asyncio.Event()

    async def stalled(number: int) -> None:
        if number == 4:
            gate.set()
        await gate.wait()

    load = await at_rate(stalled, 5, per_second=1000)
    # The first call was due four milliseconds before the one that lets them all go.
    assert load.times_ms[0] >= 4
    assert load.times_ms[0] > load.times_ms[4]


async def test_a_failing_call_ends_the_load_with_its_error() -> None:
    async def fail(number: int) -> None:
        raise ValueError(str(number))

    with pytest.raises(ExceptionGroup):
        await at_once(fail, 3, 1)


async def test_a_load_for_a_time_ends_and_says_its_rate() -> None:
    load = await for_seconds(Watch(), 0.02, 2)
    assert load.per_second == pytest.approx(len(load.times_ms) / load.seconds)
    assert load.times_ms
