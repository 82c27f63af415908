"""What an audit trail promises."""

from datetime import datetime
from typing import Any

import pytest
from attrs import frozen

from hodei_domain.audit.record import AuditFilter, AuditNews, AuditQuery
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.events import Event
from hodei_domain.testing.contracts.base import StoreContract
from hodei_domain.testing.making import MINUTE, SECOND, T0
from hodei_domain.testing.stores import Begin


@frozen(kw_only=True)
class DoorOpened(Event):
    """An event of the tests."""

    who: str = "ana"

    def payload(self) -> dict[str, Any]:
        return {"who": self.who, "text": 'ñ "q"', "nested": {"n": [1, None, True, 1.5]}}


@frozen(kw_only=True)
class DoorClosed(Event):
    """Another."""


def opened(at: datetime, correlation_id: str = "door-1", **fields: Any) -> DoorOpened:
    """An event."""
    return DoorOpened(at=at, correlation_id=correlation_id, **fields)


async def record(begin: Begin, *events: Event) -> None:
    """Record in a transaction of its own."""
    async with begin() as tx:
        await tx.audit.record(events)


async def news(begin: Begin, mark: str | None, limit: int = 10) -> AuditNews:
    """In a transaction of its own."""
    async with begin() as tx:
        return await tx.audit.news(mark, limit)


def told(found: AuditNews) -> list[str]:
    """Whom the news tell of."""
    assert not found.missed
    return [record.correlation_id for record in found.records]


class AuditTrailContract(StoreContract):
    """AuditTrail."""

    async def test_an_event_reads_back_whole(self, begin: Begin) -> None:
        event = opened(T0, actor="ana", caller_correlation_id="c-9")
        await record(begin, event)
        async with begin() as tx:
            [kept] = await tx.audit.by_correlation("door-1")
        assert (kept.event_type, kept.occurred_at, kept.actor) == ("DoorOpened", T0, "ana")
        assert (kept.correlation_id, kept.caller_correlation_id) == ("door-1", "c-9")
        assert dict(kept.payload) == event.payload()

    async def test_a_correlation_is_told_oldest_first_and_by_the_callers_id_too(self, begin: Begin) -> None:
        await record(begin, opened(T0 + MINUTE, caller_correlation_id="c"), opened(T0), opened(T0, "door-2"))
        async with begin() as tx:
            ours = await tx.audit.by_correlation("door-1")
            assert [r.occurred_at for r in ours] == [T0, T0 + MINUTE]
            assert [r.occurred_at for r in await tx.audit.by_correlation("c")] == [T0 + MINUTE]
            assert len(await tx.audit.by_correlation("door-1", limit=1)) == 1
            assert list(await tx.audit.by_correlation("nothing")) == []

    async def test_lists_are_newest_first_and_paged(self, begin: Begin) -> None:
        await record(begin, *(opened(T0 + number * SECOND) for number in range(5)))
        async with begin() as tx:
            page = await tx.audit.list(AuditFilter(limit=2, offset=1))
            last = await tx.audit.list(AuditFilter(limit=2, offset=4))
        assert [r.occurred_at for r in page.records] == [T0 + 3 * SECOND, T0 + 2 * SECOND]
        assert page.total == 5
        assert page.has_more(AuditFilter(limit=2, offset=1))
        assert not last.has_more(AuditFilter(limit=2, offset=4))

    async def test_slices_go_on_at_their_cursor_whatever_is_written_meanwhile(self, begin: Begin) -> None:
        await record(begin, *(opened(T0 + number * SECOND) for number in range(5)))
        seen, cursor = [], ""
        while True:
            async with begin() as tx:
                found = await tx.audit.slice(AuditQuery(limit=2, cursor=cursor))
            seen += [r.occurred_at for r in found.records]
            await record(begin, opened(T0 + MINUTE))
            if found.next_cursor is None:
                break
            cursor = found.next_cursor
        assert seen == [T0 + number * SECOND for number in (4, 3, 2, 1, 0)]

    async def test_slices_are_filtered(self, begin: Begin) -> None:
        closed = DoorClosed(
            at=T0 + MINUTE, correlation_id="door-2", actor="bo", caller_correlation_id="door-1"
        )
        await record(begin, opened(T0, actor="ana"), opened(T0 + SECOND), closed)

        async def types(**query: Any) -> list[str]:
            async with begin() as tx:
                return [r.event_type for r in (await tx.audit.slice(AuditQuery(**query))).records]

        assert await types(event_type="DoorClosed") == ["DoorClosed"]
        assert await types(actor="ana") == ["DoorOpened"]
        assert await types(correlation_id="door-1") == ["DoorClosed", "DoorOpened", "DoorOpened"]
        assert await types(correlation_id="door-1", actor="bo") == ["DoorClosed"]
        assert await types(start=T0 + SECOND, end=T0 + MINUTE) == ["DoorOpened"]

    async def test_a_text_that_is_no_place_is_refused(self, begin: Begin) -> None:
        async with begin() as tx:
            with pytest.raises(InvalidInput) as caught:
                await tx.audit.slice(AuditQuery(cursor="yesterday"))
        assert caught.value.field == "cursor"

    async def test_news_are_what_was_written_after_a_mark_oldest_first(self, begin: Begin) -> None:
        await record(begin, opened(T0 + MINUTE, "before"))
        first = await news(begin, None)
        assert (first.records, first.missed) == ([], False)
        await record(begin, opened(T0 + 2 * SECOND, "b"), opened(T0 + 3 * SECOND, "c"))
        second = await news(begin, first.mark)
        await record(begin, opened(T0 + SECOND, "a"))
        assert told(second) == ["b", "c"]
        assert told(await news(begin, second.mark)) == ["a"], "it is older, and new all the same"
        assert told(await news(begin, first.mark)) == ["a", "b", "c"]
        assert told(await news(begin, (await news(begin, None)).mark)) == []

    async def test_more_news_than_are_wanted_are_missed(self, begin: Begin) -> None:
        mark = (await news(begin, None)).mark
        await record(begin, *(opened(T0 + number * SECOND) for number in range(3)))
        assert len((await news(begin, mark, 3)).records) == 3
        much = await news(begin, mark, 2)
        assert (much.records, much.missed) == ([], True)
        assert told(await news(begin, much.mark)) == []

    @pytest.mark.parametrize("mark", ["", "yesterday", "9:1:", "1:2:9", "\0", "2026-05-01T00:00:00+00:00"])
    async def test_a_mark_of_somebody_else_has_missed_everything(self, begin: Begin, mark: str) -> None:
        await record(begin, opened(T0))
        found = await news(begin, mark)
        assert (found.records, found.missed) == ([], True)
        assert told(await news(begin, found.mark)) == []

    async def test_lists_are_filtered(self, begin: Begin) -> None:
        closed = DoorClosed(at=T0 + MINUTE, correlation_id="door-1", actor="bo")
        await record(begin, opened(T0, actor="ana"), opened(T0 + SECOND), closed)

        async def types(**filter: Any) -> list[str]:
            async with begin() as tx:
                return [r.event_type for r in (await tx.audit.list(AuditFilter(**filter))).records]

        assert await types(event_types=["DoorClosed"]) == ["DoorClosed"]
        assert await types(event_types=["DoorClosed", "DoorOpened"]) == ["DoorClosed", *["DoorOpened"] * 2]
        assert await types(event_types=["JobCreated", "DoorClosed"]) == ["DoorClosed"]
        assert await types(actor="ana") == ["DoorOpened"]
        assert await types(start=T0 + SECOND) == ["DoorClosed", "DoorOpened"]
        assert await types(start=T0, end=T0 + SECOND) == ["DoorOpened"], "the end is not included"

    async def test_types_are_counted(self, begin: Begin) -> None:
        await record(begin, opened(T0), opened(T0 + MINUTE), DoorClosed(at=T0, correlation_id="x"))
        async with begin() as tx:
            assert dict(await tx.audit.counts()) == {"DoorOpened": 2, "DoorClosed": 1}
            assert dict(await tx.audit.counts(start=T0 + SECOND)) == {"DoorOpened": 1}
            assert dict(await tx.audit.counts(end=T0)) == {}

    async def test_pruning_takes_the_oldest_first(self, begin: Begin) -> None:
        await record(begin, *(opened(T0 + number * SECOND) for number in (3, 1, 2)))
        async with begin() as tx:
            assert await tx.audit.prune(T0 + 3 * SECOND, 1) == 1
        async with begin() as tx:
            left = await tx.audit.by_correlation("door-1")
            assert [r.occurred_at for r in left] == [T0 + 2 * SECOND, T0 + 3 * SECOND]
            assert await tx.audit.prune(T0 + 3 * SECOND, 10) == 1
            assert await tx.audit.prune(T0, 10) == 0
