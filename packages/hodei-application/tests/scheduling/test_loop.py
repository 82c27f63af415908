import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hodei_application.scheduling.loop import Loop, Wake
from hodei_domain.kernel.errors import StoreUnavailable

NEVER = timedelta(hours=1)
AT_ONCE = timedelta(0)


def loop_of(step: Callable[[], Awaitable[timedelta | None]], every: timedelta = NEVER) -> Loop:
    return Loop("test", step, every=every, wake=Wake(), jitter=lambda: 0.0)


class Steps:
    """A step that counts its runs and can be told to fail."""

    def __init__(self, *failures: Exception | None, pause: timedelta | None = None) -> None:
        self.failures, self.pause = list(failures), pause
        self.runs = 0
        self.ran = asyncio.Semaphore(0)

    async def __call__(self) -> timedelta | None:
        self.runs += 1
        self.ran.release()
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        return self.pause

    async def times(self, count: int) -> None:
        for _ in range(count):
            await self.ran.acquire()


async def running(loop: Loop, until: Awaitable[None]) -> None:
    task = asyncio.create_task(loop.run())
    try:
        await until
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_loop_steps_at_once_and_again_when_woken() -> None:
    steps = Steps()
    loop = loop_of(steps)

    async def wake_twice() -> None:
        await steps.times(1)
        loop.wake()
        await steps.times(1)

    await running(loop, wake_twice())
    assert steps.runs == 2


async def test_a_loop_polls_when_nobody_wakes_it() -> None:
    steps = Steps()
    await running(loop_of(steps, every=timedelta(milliseconds=1)), steps.times(3))


async def test_a_step_may_ask_for_an_earlier_turn_but_not_for_a_later_one() -> None:
    sooner = Steps(pause=timedelta(milliseconds=1))
    await running(loop_of(sooner), sooner.times(3))
    later = Steps(pause=NEVER)
    await running(loop_of(later, every=timedelta(milliseconds=1)), later.times(3))


async def test_a_wake_up_during_a_step_is_not_lost() -> None:
    wake = Wake()
    wake()
    assert await wake.wait(NEVER) is True
    assert await wake.wait(AT_ONCE) is False


async def test_many_wake_ups_make_one_turn() -> None:
    wake = Wake()
    wake()
    wake()
    assert await wake.wait(None) is True
    assert await wake.wait(AT_ONCE) is False


async def test_a_bug_is_logged_once_with_its_trace_and_the_loop_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "hodei.loops")
    steps = Steps(ValueError("bug"), ValueError("bug"), None)
    loop = loop_of(steps, every=timedelta(milliseconds=1))
    await running(loop, steps.times(4))
    assert [r.getMessage() for r in caplog.records] == [
        "Loop test failed and goes on",
        "Loop test works again",
    ]
    assert caplog.records[0].exc_info is not None
    assert loop.failures == 0


async def test_loops_back_off_further_with_each_failure_up_to_a_bound() -> None:
    loop = loop_of(Steps())
    pauses = [loop._failed(ValueError("bug")) for _ in range(12)]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[1]
    assert pauses[-1] <= timedelta(seconds=5)


async def test_an_outage_is_waited_for_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps(StoreUnavailable("no route"), StoreUnavailable("no route"))
    await running(loop_of(steps, every=timedelta(milliseconds=1)), steps.times(3))
    assert caplog.records == []
