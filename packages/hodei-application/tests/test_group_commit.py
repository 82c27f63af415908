import asyncio
from collections.abc import Sequence

import pytest
from hodei_application.group_commit import GroupCommit
from hodei_domain.kernel.errors import Conflict, StoreUnavailable


class Ledger:
    """Writes numbers, all of a batch or none; refuses what it is told to."""

    def __init__(self, *refused: int, away: bool = False) -> None:
        self.refused, self.away = set(refused), away
        self.batches: list[list[int]] = []
        self.written: list[int] = []
        self.gate, self.begun = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[int]) -> list[str | Exception]:
        self.begun.set()
        await self.gate.wait()
        self.batches.append(list(items))
        if self.away:
            raise StoreUnavailable("gone")
        if self.refused & set(items):
            raise Conflict("refused")
        self.written.extend(items)
        return [f"#{item}" for item in items]


async def test_each_caller_gets_its_own_result() -> None:
    commit = GroupCommit(Ledger())
    assert await asyncio.gather(*(commit(n) for n in range(3))) == ["#0", "#1", "#2"]


async def test_what_arrives_together_is_committed_together() -> None:
    ledger = Ledger()
    commit = GroupCommit(ledger)
    await asyncio.gather(*(commit(n) for n in range(3)))
    assert ledger.batches == [[0, 1, 2]]


async def test_what_arrives_during_a_commit_goes_into_the_next_one() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    commit = GroupCommit(ledger)
    first = asyncio.create_task(commit(1))
    await ledger.begun.wait()
    others = [asyncio.create_task(commit(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    ledger.gate.set()
    await asyncio.gather(first, *others)
    assert ledger.batches == [[1], [2, 3]]


async def test_a_batch_is_never_larger_than_its_bound() -> None:
    ledger = Ledger()
    commit = GroupCommit(ledger, largest=2)
    await asyncio.gather(*(commit(n) for n in range(5)))
    assert ledger.batches == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("bad", range(5))
async def test_one_bad_item_never_fails_the_others(bad: int) -> None:
    ledger = Ledger(bad)
    commit = GroupCommit(ledger)
    results = await asyncio.gather(*(commit(n) for n in range(5)), return_exceptions=True)
    assert [type(r) is Conflict for r in results] == [n == bad for n in range(5)]
    assert ledger.written == [n for n in range(5) if n != bad]


async def test_an_error_given_for_one_item_reaches_only_its_caller() -> None:
    async def write(items: Sequence[int]) -> list[int | Exception]:
        return [Conflict("odd") if item % 2 else item for item in items]

    commit = GroupCommit[int, int](write)
    even, odd = await asyncio.gather(commit(2), commit(3), return_exceptions=True)
    assert even == 2
    assert isinstance(odd, Conflict)


async def test_when_the_store_is_away_all_are_told_after_one_attempt() -> None:
    ledger = Ledger(away=True)
    commit = GroupCommit(ledger)
    results = await asyncio.gather(*(commit(n) for n in range(4)), return_exceptions=True)
    assert all(isinstance(r, StoreUnavailable) for r in results)
    assert len(ledger.batches) == 1


async def test_who_left_before_the_commit_is_left_out() -> None:
    ledger = Ledger()
    commit = GroupCommit(ledger)
    gone, here = asyncio.create_task(commit(1)), asyncio.create_task(commit(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await here == "#2"
    assert ledger.written == [2]


async def test_who_leaves_during_the_commit_does_not_hurt_the_others() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    commit = GroupCommit(ledger)
    gone, here = asyncio.create_task(commit(1)), asyncio.create_task(commit(2))
    await ledger.begun.wait()
    gone.cancel()
    ledger.gate.set()
    assert await here == "#2"


async def test_settled_waits_for_all_commits() -> None:
    ledger = Ledger()
    commit = GroupCommit(ledger, largest=1)
    waiting = [asyncio.create_task(commit(n)) for n in range(3)]
    await asyncio.sleep(0)
    await commit.settled()
    assert ledger.written == [0, 1, 2]
    await asyncio.gather(*waiting)


async def test_when_the_process_goes_down_nobody_hangs() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    commit = GroupCommit(ledger, largest=1)
    waiting = [asyncio.create_task(commit(n)) for n in range(2)]
    await ledger.begun.wait()
    assert commit._task is not None
    commit._task.cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(r, asyncio.CancelledError) for r in results)
