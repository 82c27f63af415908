"""What leader leases and settings promise."""

from datetime import timedelta
from typing import Any

from hodei_domain.testing.contracts.base import StoreContract, outcomes
from hodei_domain.testing.making import MINUTE
from hodei_domain.testing.stores import Begin

AT_ONCE = timedelta(0)


async def acquire(begin: Begin, holder: str, ttl: timedelta = MINUTE, name: str = "reaper") -> int | None:
    """Try for the lease in a transaction of its own."""
    async with begin() as tx:
        return await tx.leaders.acquire(name, holder, ttl)


class LeaderStoreContract(StoreContract):
    """LeaderStore."""

    async def test_one_leads_and_keeps_its_epoch(self, begin: Begin) -> None:
        epoch = await acquire(begin, "a")
        assert epoch is not None
        assert await acquire(begin, "b") is None
        async with begin() as tx:
            assert await tx.leaders.holder("reaper") == "a"
            assert await tx.leaders.holder("janitor") is None
        assert await acquire(begin, "a") == epoch

    async def test_a_lease_that_ran_out_goes_to_another_with_a_higher_epoch(self, begin: Begin) -> None:
        first = await acquire(begin, "a", AT_ONCE)
        second = await acquire(begin, "b")
        assert first is not None
        assert second is not None
        assert second > first
        assert await acquire(begin, "a") is None

    async def test_one_that_was_late_comes_back_with_a_higher_epoch(self, begin: Begin) -> None:
        first = await acquire(begin, "a", AT_ONCE)
        second = await acquire(begin, "a")
        assert first is not None
        assert second is not None
        assert second > first

    async def test_a_lease_that_is_given_up_is_free(self, begin: Begin) -> None:
        first = await acquire(begin, "a")
        async with begin() as tx:
            await tx.leaders.release("reaper", "b")
        assert await acquire(begin, "b") is None
        async with begin() as tx:
            await tx.leaders.release("reaper", "a")
            await tx.leaders.release("unknown", "a")
        second = await acquire(begin, "b")
        assert first is not None
        assert second is not None
        assert second > first

    async def test_of_several_those_are_told_that_are_ours(self, begin: Begin) -> None:
        first = await acquire(begin, "a", name="x")
        await acquire(begin, "b", name="y")
        late = await acquire(begin, "b", AT_ONCE, name="z")
        assert late is not None
        async with begin() as tx:
            found = await tx.leaders.acquire_all(["z", "new", "y", "x"], "a", MINUTE)
            assert found == {"x": first, "z": late + 1, "new": found["new"]}
            assert await tx.leaders.acquire_all([], "a", MINUTE) == {}
        assert await acquire(begin, "b", name="z") is None

    async def test_the_holders_are_those_whose_leases_are_valid(self, begin: Begin) -> None:
        await acquire(begin, "a", name="x")
        await acquire(begin, "b", name="y")
        await acquire(begin, "c", AT_ONCE, name="z")
        async with begin() as tx:
            assert await tx.leaders.holders(MINUTE) == {"x": "a", "y": "b"}
            await tx.leaders.release("x", "a")
        async with begin() as tx:
            assert await tx.leaders.holders(MINUTE) == {"y": "b"}

    async def test_a_lease_from_before_the_clock_was_set_back_is_void(self, begin: Begin) -> None:
        first = await acquire(begin, "a", 3 * MINUTE)
        assert first is not None
        async with begin() as tx:
            assert await tx.leaders.holders(MINUTE) == {}
            assert await tx.leaders.holders(2 * MINUTE) == {"reaper": "a"}
        assert await acquire(begin, "b", 2 * MINUTE) is None
        assert await acquire(begin, "b") == first + 1
        assert await acquire(begin, "a") is None

    async def test_of_racing_ones_one_leads(self, begin: Begin) -> None:
        found = await outcomes(*(acquire(begin, holder) for holder in "abcd"))
        assert sum(isinstance(outcome, int) for outcome in found) == 1
        assert sum(outcome is None for outcome in found) == 3

    async def test_names_are_independent(self, begin: Begin) -> None:
        assert await acquire(begin, "a", name="x") is not None
        assert await acquire(begin, "b", name="y") is not None


class SettingsStoreContract(StoreContract):
    """SettingsStore."""

    async def test_a_document_reads_back_and_the_next_replaces_it(self, begin: Begin) -> None:
        documents: list[Any] = [{"a": [1, 2.5, None, {"ñ": True}]}, {"b": "x"}, [], "text"]
        for document in documents:
            async with begin() as tx:
                await tx.settings.put("scheduler", document)
            async with begin() as tx:
                assert await tx.settings.get("scheduler") == document

    async def test_a_document_that_is_there_already_stays(self, begin: Begin) -> None:
        for document in ({"id": 1}, {"id": 2}):
            async with begin() as tx:
                assert await tx.settings.put_if_absent("identity", document) == {"id": 1}
        async with begin() as tx:
            assert await tx.settings.get("identity") == {"id": 1}

    async def test_of_racing_ones_all_get_the_same_document(self, begin: Begin) -> None:
        async def keep(number: int) -> Any:
            async with begin() as tx:
                return await tx.settings.put_if_absent("identity", {"id": number})

        found = await outcomes(*(keep(number) for number in range(4)))
        assert found[0] in [{"id": number} for number in range(4)]
        assert all(outcome == found[0] for outcome in found)

    async def test_an_unknown_name_has_none(self, begin: Begin) -> None:
        async with begin() as tx:
            assert await tx.settings.get("nothing") is None
