import pytest
from hodei_application.outage import Outage, Watched
from hodei_domain.kernel.errors import Conflict, StoreUnavailable
from hodei_domain.testing.fakes import MemoryStore


async def test_one_line_when_the_store_goes_and_one_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    store, outage = MemoryStore(), Outage()
    begin = Watched(store.begin, outage)
    store.fail_commits(3)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            async with begin():
                pass
        assert outage.present is True
    for _ in range(3):
        async with begin() as tx:
            await tx.workers.live()
    assert outage.present is False
    assert outage.ended_at > 0
    assert [record.getMessage().split(",")[0].split(" after")[0] for record in caplog.records] == [
        "The store does not answer",
        "The store answers again",
    ]


async def test_a_store_that_goes_in_the_middle_is_noticed() -> None:
    outage = Outage()
    with pytest.raises(StoreUnavailable):
        async with Watched(MemoryStore().begin, outage)():
            raise StoreUnavailable("a statement failed")
    assert outage.present is True


async def test_a_store_that_cannot_be_reached_at_all_is_noticed() -> None:
    class Away:
        async def __aenter__(self) -> None:
            raise StoreUnavailable("no route")

        async def __aexit__(self, *_: object) -> None:
            raise AssertionError

    outage = Outage()
    with pytest.raises(StoreUnavailable):
        async with Watched(Away, outage)():  # type: ignore[arg-type]
            pass
    assert outage.present is True


async def test_a_refusal_says_nothing_about_the_store() -> None:
    outage = Outage()
    with pytest.raises(Conflict):
        async with Watched(MemoryStore().begin, outage)():
            raise Conflict("no")
    assert outage.present is False
