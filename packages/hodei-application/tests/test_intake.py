import asyncio
from collections.abc import Sequence

import pytest
from hodei_application.intake import Intake
from hodei_domain.kernel.errors import StoreUnavailable


class Sink:
    """Takes batches; fails as it is told."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.spoiled: list[int] = []
        self.bad: set[int] = set()
        self.away = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[int]) -> None:
        await self.gate.wait()
        if self.away:
            self.away -= 1
            raise StoreUnavailable("gone")
        if self.bad & set(items):
            raise ValueError("bad item")
        self.batches.append(list(items))

    def spoil(self, item: int, error: Exception) -> None:
        self.spoiled.append(item)

    @property
    def items(self) -> list[int]:
        return [item for batch in self.batches for item in batch]


def intake_of(sink: Sink, room: int = 1000) -> Intake[int]:
    return Intake(sink, sink.spoil, lambda: 0.0, room)


async def test_items_are_committed_in_order_of_arrival_and_in_batches() -> None:
    sink = Sink()
    intake = intake_of(sink)
    for item in range(5):
        await intake.post(item, 1)
    await intake.settled()
    assert sink.batches == [[0, 1, 2, 3, 4]]


async def test_too_much_that_waits_holds_up_whoever_brings_more() -> None:
    sink = Sink()
    sink.gate.clear()
    intake = intake_of(sink, room=10)
    await intake.post(1, 8)
    await intake.post(2, 8)
    third = asyncio.create_task(intake.post(3, 8))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not third.done()
    sink.gate.set()
    await third
    await intake.settled()
    assert sink.items == [1, 2, 3]


async def test_while_the_store_is_away_the_same_batch_is_tried_again_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hodei_application.intake.SHORTEST_BACKOFF", 0.0)
    sink = Sink()
    sink.away = 5
    intake = intake_of(sink)
    for item in range(3):
        await intake.post(item, 1)
    await intake.settled()
    assert sink.items == [0, 1, 2]


@pytest.mark.parametrize("bad", [0, 2, 4])
async def test_a_bad_item_is_set_aside_and_the_others_are_committed(bad: int) -> None:
    sink = Sink()
    sink.bad = {bad}
    intake = intake_of(sink)
    for item in range(5):
        await intake.post(item, 1)
    await intake.settled()
    assert sink.items == [item for item in range(5) if item != bad]
    assert sink.spoiled == [bad]


async def test_a_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_application.intake.LARGEST_COUNT", 2)
    sink = Sink()
    intake = intake_of(sink)
    for item in range(5):
        await intake.post(item, 1)
    await intake.settled()
    assert sink.batches == [[0, 1], [2, 3], [4]]


async def test_what_is_abandoned_is_dropped_and_nobody_hangs() -> None:
    sink = Sink()
    intake = intake_of(sink, room=1)
    intake.abandon()
    sink.gate.clear()
    await intake.post(1, 5)
    held_up = asyncio.create_task(intake.post(2, 5))
    for _ in range(3):
        await asyncio.sleep(0)
    intake.abandon()
    await held_up
    sink.gate.set()
    await intake.settled()
    assert sink.items == [2]


async def test_a_patient_item_waits_for_company_and_shares_its_commit() -> None:
    sink = Sink()
    intake = intake_of(sink)
    await intake.post(1, 1, patient=True)
    for _ in range(5):
        await asyncio.sleep(0)
    assert sink.batches == []
    await intake.post(2, 1)
    await intake.settled()
    assert sink.batches == [[1, 2]]


async def test_a_patient_item_that_stays_alone_is_committed_all_the_same() -> None:
    sink = Sink()
    intake = intake_of(sink)
    await intake.post(1, 1, patient=True)
    await intake.settled()
    assert sink.batches == [[1]]
