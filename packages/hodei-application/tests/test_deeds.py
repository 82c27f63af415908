import asyncio

import pytest
from hodei_application.deeds import Deeds
from hodei_domain.kernel.errors import StoreUnavailable


async def test_a_deed_is_done_once_at_a_time_for_each_key() -> None:
    deeds, done = Deeds(), []
    gate = asyncio.Event()

    async def deed() -> None:
        await gate.wait()
        done.append(1)

    assert deeds.start("a", deed) is True
    assert deeds.start("a", deed) is False
    assert deeds.start("b", deed) is True
    assert "a" in deeds
    gate.set()
    await deeds.settled()
    assert len(done) == 2
    assert deeds.start("a", deed) is True
    await deeds.settled()


async def test_not_more_than_the_limit_at_once() -> None:
    deeds = Deeds(limit=2)
    now, most = 0, 0

    async def deed() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    for key in range(10):
        deeds.start(key, deed)
    await deeds.settled()
    assert most == 2


async def test_a_failed_deed_is_told_of_and_an_outage_is_left_to_the_loops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    deeds = Deeds()

    async def bug() -> None:
        raise ValueError("bug")

    async def outage() -> None:
        raise StoreUnavailable("away")

    deeds.start("bug", bug)
    deeds.start("outage", outage)
    await deeds.settled()
    assert [record.getMessage() for record in caplog.records] == ["A deed failed: bug"]


async def test_stopping_breaks_off_what_is_under_way() -> None:
    deeds = Deeds()
    deeds.start("forever", asyncio.Event().wait)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await deeds.stop()
    assert "forever" not in deeds
    await deeds.stop()
