import pytest
from hodei_application.outage import Outage, Watched
from hodei_domain.kernel.errors import (
    Conflict,
    StoreBusy,
    StoreClash,
    StoreTakesNoWrites,
    StoreUnavailable,
)
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
        "The database does not answer",
        "The database answers again",
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


class Hands:
    """An outage whose time is in a test's hands."""

    def __init__(self) -> None:
        self.at = 0.0
        self.outage = Outage(lambda: self.at)

    def pass_time(self, seconds: int, failing: StoreUnavailable | None) -> None:
        """Each second something may fail, and something is read."""
        for _ in range(seconds):
            self.at += 1
            if failing is not None:
                self.outage.failed(failing)
            self.outage.worked()


FULL = StoreTakesNoWrites("the database takes no writes because its disk is full")


def test_a_store_that_can_only_be_read_is_told_of_once_each_way(caplog: pytest.LogCaptureFixture) -> None:
    hands = Hands()
    hands.pass_time(60, FULL)
    assert hands.outage.present
    assert hands.outage.reason == str(FULL)
    hands.pass_time(30, None)
    assert not hands.outage.present
    assert [record.getMessage() for record in caplog.records] == [
        "The database takes no writes because its disk is full; waiting for it",
        "The database takes writes again after 74.0 s",
    ]


def test_each_reason_of_one_outage_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    hands = Hands()
    for _ in range(20):  # a full disk ends Postgres again and again
        hands.pass_time(2, FULL)
        hands.outage.failed(StoreUnavailable("the database cannot be reached"))
    hands.pass_time(30, None)
    assert len(caplog.records) == 3
    assert "does not answer" in caplog.records[1].getMessage()


@pytest.mark.parametrize("error", [StoreBusy("locked"), StoreClash("crossed")])
def test_one_transaction_that_gets_no_lock_is_no_outage(
    error: StoreUnavailable, caplog: pytest.LogCaptureFixture
) -> None:
    hands = Hands()
    hands.pass_time(50, error)
    assert not hands.outage.present
    assert hands.outage.ended_at == float("-inf")
    assert len(caplog.records) == (0 if isinstance(error, StoreClash) else 1)
