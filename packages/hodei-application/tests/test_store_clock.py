from datetime import datetime, timedelta
from typing import Any

import pytest
from attrs import define, field
from hodei_application.store_clock import StoreClock
from hodei_application.testing import World
from hodei_domain.jobs.job import JobState
from hodei_domain.testing.fakes.sources import START

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@define
class Times:
    """The clocks of a store and of a machine, and how long a question takes there and back."""

    store: datetime = START
    wall: datetime = START
    seconds: float = 1000.0
    there: float = 0.0
    back: float = 0.0
    found: StoreClock = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.found = StoreClock(lambda: self.wall, lambda: self.seconds)

    def go_on(self, seconds: float) -> None:
        self.seconds += seconds
        self.store += timedelta(seconds=seconds)
        self.wall += timedelta(seconds=seconds)

    async def look(self) -> None:
        await self.found.look(_Transaction(self))  # type: ignore[arg-type]  # it asks for no more


@define
class _Transaction:
    times: Times

    @property
    def leases(self) -> Any:
        return self

    async def clock(self) -> datetime:
        self.times.go_on(self.times.there)
        at = self.times.store
        self.times.go_on(self.times.back)
        return at


async def test_it_is_the_machines_before_the_first_look_and_the_stores_afterwards() -> None:
    times = Times(wall=START + HOUR)
    assert times.found() == START + HOUR
    await times.look()
    assert times.found() == START
    times.go_on(5)
    times.wall -= HOUR
    assert times.found() == START + 5 * SECOND


async def test_a_slow_answer_corrects_no_more_than_it_proves() -> None:
    times = Times()
    await times.look()
    times.there, times.back = 0.0, 20.0
    await times.look()
    assert times.found() == times.store
    times.there, times.back = 20.0, 0.0
    await times.look()
    assert times.found() == times.store
    assert times.found.set_at == float("-inf")


async def test_a_drift_is_followed_and_is_no_step() -> None:
    times = Times()
    await times.look()
    times.go_on(3600)
    times.store += 1.5 * SECOND
    await times.look()
    assert times.found() == times.store
    assert times.found.set_at == float("-inf")


@pytest.mark.parametrize("step", [HOUR, -HOUR, 3 * SECOND])
async def test_a_step_is_followed_told_and_remembered(
    step: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    times = Times()
    await times.look()
    times.go_on(10)
    times.store += step
    await times.look()
    assert times.found() == times.store
    assert times.found.set_at == times.seconds
    assert f"was set by {step.total_seconds():+.0f} s" in caplog.text


async def test_a_machine_whose_clock_is_wrong_is_told_of_it(caplog: pytest.LogCaptureFixture) -> None:
    times = Times(wall=START - 90 * SECOND)
    await times.look()
    assert "is -90 s off" in caplog.text


async def test_a_look_is_due_after_a_while() -> None:
    times = Times()
    assert times.found.is_due is True
    await times.look()
    assert times.found.is_due is False
    times.go_on(31)
    assert times.found.is_due is True


@pytest.mark.parametrize("step", [HOUR, -40 * SECOND])
async def test_no_worker_is_given_up_because_the_stores_clock_was_set(world: World, step: timedelta) -> None:
    await world.add_provider()
    job = await world.submit()
    await world.settle()
    [agent] = world.agents.values()
    await agent.start(agent.jobs[0])
    await world.pass_time(60 * SECOND)
    world.store.tables.now = lambda: world.clock() + step
    await world.pass_time(90 * SECOND)
    assert (await world.job(job.id)).attempt == 1
    assert list(world.agents) == [agent.worker_id]
    agent.link.breaks = True  # and one that is silent is, as soon as it may be
    await world.pass_time(45 * SECOND + 20 * SECOND)
    again = await world.job(job.id)
    assert (again.state, again.attempt) == (JobState.SCHEDULED, 2)
