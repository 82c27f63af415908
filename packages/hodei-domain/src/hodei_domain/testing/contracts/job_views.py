"""What lists, counts and clocks of jobs promise."""

from datetime import timedelta
from uuid import uuid4

import pytest

from hodei_domain.jobs.clocks import CANCEL_BOUND, EXECUTION_SLACK
from hodei_domain.jobs.job import OVER, Job, JobState
from hodei_domain.jobs.reference import JobReference
from hodei_domain.jobs.result import Reason
from hodei_domain.jobs.spec import Clocks, RetryRules
from hodei_domain.jobs.views import JobFilter, Overdue
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.testing.contracts.base import StoreContract
from hodei_domain.testing.making import (
    FAILURE,
    MINUTE,
    SECOND,
    SUCCESS,
    T0,
    assigned,
    new_job_id,
    new_worker_id,
    running,
    save_jobs,
    submission,
    submitted,
)
from hodei_domain.testing.stores import Begin
from hodei_domain.workers.worker import Worker


async def names(begin: Begin, filter: JobFilter) -> list[str]:
    """The names of a page."""
    async with begin() as tx:
        return [job.spec.name for job in (await tx.job_views.list_jobs(filter)).jobs]


async def referred(begin: Begin, text: str) -> list[str]:
    """The names of the jobs that the text may mean."""
    async with begin() as tx:
        return [job.spec.name for job in await tx.job_views.referred(JobReference(text), 10)]


class JobViewsContract(StoreContract):
    """JobViews."""

    async def test_the_newest_job_comes_first(self, begin: Begin) -> None:
        for number in (2, 1, 3):
            await submitted(begin, name=str(number), at=T0 + number * SECOND)
        assert await names(begin, JobFilter()) == ["3", "2", "1"]

    async def test_an_empty_store_has_an_empty_page(self, begin: Begin) -> None:
        async with begin() as tx:
            page = await tx.job_views.list_jobs(JobFilter())
        assert (page.jobs, page.total, page.next_cursor) == ([], 0, None)

    async def test_pages_by_cursor_repeat_and_lose_nothing_while_jobs_arrive(self, begin: Begin) -> None:
        await save_jobs(begin, *(submission(name=str(number)) for number in range(7)))  # all of one instant
        seen: list[Job] = []
        cursor = ""
        while True:
            async with begin() as tx:
                page = await tx.job_views.list_jobs(JobFilter(limit=3, cursor=cursor))
            seen += page.jobs
            await submitted(begin, name="late", at=T0 + MINUTE)
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        assert sorted(job.spec.name for job in seen) == [str(number) for number in range(7)]

    async def test_an_offset_skips(self, begin: Begin) -> None:
        await save_jobs(begin, *(submission(name=str(n), at=T0 + n * SECOND) for n in range(5)))
        assert await names(begin, JobFilter(limit=2, offset=1)) == ["3", "2"]

    async def test_a_text_that_is_no_cursor_is_refused(self, begin: Begin) -> None:
        async with begin() as tx:
            with pytest.raises(InvalidInput) as caught:
                await tx.job_views.list_jobs(JobFilter(cursor="'; --"))
        assert caught.value.field == "cursor"

    async def test_states_and_owners_filter_and_the_total_counts_all_that_match(self, begin: Begin) -> None:
        for owner in ("ana", "ana", "bo"):
            await submitted(begin, name=owner, queued_by=owner)
        await running(begin, name="busy", queued_by="ana")
        async with begin() as tx:
            filter = JobFilter(states=frozenset({JobState.PENDING}), queued_by="ana", limit=1)
            page = await tx.job_views.list_jobs(filter)
        assert [job.spec.name for job in page.jobs] == ["ana"]
        assert page.total == 2

    async def test_labels_and_tags_filter_all_of_them_together(self, begin: Begin) -> None:
        for number, (labels, tags) in enumerate(
            (
                ({"team": "a", "tier": "b=c"}, ("nightly", "slow")),
                ({"team": "a"}, ("nightly",)),
                ({"team": "b", "team=a": "x"}, ()),
                ({}, ("a",)),
            )
        ):
            at = T0 + number * SECOND
            await submitted(begin, name=str(number), at=at, labels=labels, tags=tags)
        assert await names(begin, JobFilter(labels={"team": "a"})) == ["1", "0"]
        assert await names(begin, JobFilter(labels={"team": "a", "tier": "b=c"})) == ["0"]
        assert await names(begin, JobFilter(labels={"team": "a"}, tags=("slow",))) == ["0"]
        assert await names(begin, JobFilter(tags=("nightly",), limit=1)) == ["1"]
        assert await names(begin, JobFilter(tags=("night",))) == []
        assert await names(begin, JobFilter(labels={"team": "a=x"})) == []

    async def test_pages_of_a_label_go_on_at_their_cursor(self, begin: Begin) -> None:
        for number in range(5):
            labels = {"team": "a"} if number != 2 else {}
            await submitted(begin, name=str(number), at=T0 + number * SECOND, labels=labels)
        async with begin() as tx:
            first = await tx.job_views.list_jobs(JobFilter(labels={"team": "a"}, limit=3))
            assert first.next_cursor is not None
            rest = JobFilter(labels={"team": "a"}, limit=3, cursor=first.next_cursor)
            last = await tx.job_views.list_jobs(rest)
        assert [job.spec.name for job in first.jobs] == ["4", "3", "1"]
        assert ([job.spec.name for job in last.jobs], last.next_cursor) == (["0"], None)
        assert (first.total, last.total) == (4, 4)

    async def test_times_filter_the_first_included_the_last_not(self, begin: Begin) -> None:
        for number in range(4):
            await submitted(begin, name=str(number), at=T0 + number * SECOND)
        within = JobFilter(since=T0 + SECOND, until=T0 + 3 * SECOND)
        assert await names(begin, within) == ["2", "1"]

    async def test_providers_filter_by_the_newest_attempts_worker(self, begin: Begin) -> None:
        providers = [ProviderId(uuid4()), ProviderId(uuid4())]
        for number, provider in enumerate(providers):
            job = await running(begin, name=str(number), at=T0 + number * SECOND)
            assert job.worker_id is not None
            made = Worker.provision(job.worker_id, at=T0, provider_id=provider)
            async with begin() as tx:
                await tx.workers.save([made])
        await submitted(begin, name="waiting")
        assert await names(begin, JobFilter(provider_id=providers[1])) == ["1"]

    async def test_what_is_not_counted_is_listed_all_the_same(self, begin: Begin) -> None:
        await submitted(begin, name="one")
        async with begin() as tx:
            page = await tx.job_views.list_jobs(JobFilter(counted=False))
        assert ([job.spec.name for job in page.jobs], page.total) == (["one"], None)

    async def test_search_finds_a_part_of_the_name_in_any_case(self, begin: Begin) -> None:
        for name in ("Build API", "test api", "deploy", "50% off", "a_b"):
            await submitted(begin, name=name)
        assert sorted(await names(begin, JobFilter(search="aPi"))) == ["Build API", "test api"]
        assert await names(begin, JobFilter(search="0%")) == ["50% off"]
        assert await names(begin, JobFilter(search="_")) == ["a_b"], "no wildcards"

    async def test_search_finds_the_beginning_of_an_id(self, begin: Begin) -> None:
        job = await submitted(begin, name="x")
        await submitted(begin, name="y")
        assert await names(begin, JobFilter(search=str(job.id))) == ["x"]
        assert "x" in await names(begin, JobFilter(search=str(job.id)[:8].upper()))

    async def test_search_finds_the_end_of_an_id(self, begin: Begin) -> None:
        job = await submitted(begin, name="x")
        await submitted(begin, name="y")
        assert await names(begin, JobFilter(search=str(job.id)[-8:].upper())) == ["x"]

    async def test_a_job_is_referred_to_by_its_id_and_both_ends_of_it(self, begin: Begin) -> None:
        job = await submitted(begin, name="x")
        await submitted(begin, name="y")
        texts = [str(job.id), job.id.hex.upper(), str(job.id)[-8:], str(job.id)[-17:], str(job.id)[:-2]]
        for text in texts:
            assert await referred(begin, text) == ["x"], text
        assert "x" in await referred(begin, str(job.id)[:6])

    async def test_a_job_is_referred_to_by_its_whole_name_the_newest_first(self, begin: Begin) -> None:
        for number, name in enumerate(("nightly", "nightly build", "Nightly", "nightly")):
            await submitted(begin, name=name, queued_by=str(number), at=T0 + number * SECOND)
        async with begin() as tx:
            found = await tx.job_views.referred(JobReference("nightly"), 10)
            assert [job.queued_by for job in found] == ["3", "0"]
            assert len(await tx.job_views.referred(JobReference("nightly"), 1)) == 1

    async def test_a_whole_id_is_no_name(self, begin: Begin) -> None:
        job = await submitted(begin, name="x")
        await submitted(begin, name=str(job.id))
        assert await referred(begin, str(job.id)) == ["x"]
        assert await referred(begin, str(new_job_id())) == []

    async def test_a_name_may_look_like_a_part_of_an_id(self, begin: Begin) -> None:
        job = await submitted(begin, name="x")
        await submitted(begin, name=str(job.id)[-8:])
        assert sorted(await referred(begin, str(job.id)[-8:])) == sorted(["x", str(job.id)[-8:]])

    async def test_every_state_is_counted(self, begin: Begin) -> None:
        await submitted(begin)
        await submitted(begin)
        job = await running(begin)
        async with begin() as tx:
            expected = dict.fromkeys(JobState, 0) | {JobState.PENDING: 2, JobState.RUNNING: 1}
            assert dict(await tx.job_views.counts()) == expected
            live = {s: n for s, n in expected.items() if s not in OVER}
            assert dict(await tx.job_views.live_counts()) == live
        await save_jobs(begin, job.finish(1, SUCCESS, at=T0))
        async with begin() as tx:
            counts = await tx.job_views.counts()
        assert (counts[JobState.RUNNING], counts[JobState.SUCCEEDED]) == (0, 1)

    async def test_the_history_has_every_attempt(self, begin: Begin) -> None:
        job = await running(begin, retry=RetryRules(max_attempts=2))
        [job] = await save_jobs(begin, job.finish(1, FAILURE, at=T0 + MINUTE))
        first = job.current
        [job] = await save_jobs(
            begin, job.assign(new_worker_id(), at=T0 + 2 * MINUTE, score=0.25, reasons=("a", "b"))
        )
        async with begin() as tx:
            assert await tx.job_views.attempts(job.id) == [first, job.current]
            assert await tx.job_views.attempts(new_job_id()) == []


class ClockViewsContract(StoreContract):
    """ClockViews."""

    async def test_a_job_waits_too_long_once_its_queue_clock_has_run_out(self, begin: Begin) -> None:
        job = await submitted(begin, clocks=Clocks(queue=MINUTE))
        async with begin() as tx:
            assert await tx.clocks.overdue(T0 + MINUTE - SECOND) == []
            assert await tx.clocks.overdue(T0 + MINUTE) == [
                Overdue(job_id=job.id, clock=Reason.TIMEOUT_QUEUE, attempt=0)
            ]
            assert await tx.clocks.next_overdue(T0) == T0 + MINUTE
            assert await tx.clocks.next_overdue(T0 + MINUTE) is None

    async def test_the_queue_clock_stops_with_the_assignment(self, begin: Begin) -> None:
        await assigned(begin, clocks=Clocks(queue=MINUTE))
        async with begin() as tx:
            assert await tx.clocks.overdue(T0 + timedelta(days=1)) == []
            assert await tx.clocks.next_overdue(T0) is None

    async def test_the_execution_clock_runs_from_the_start_with_some_slack(self, begin: Begin) -> None:
        job = await running(begin, clocks=Clocks(execution=MINUTE))
        due = T0 + 2 * SECOND + MINUTE + EXECUTION_SLACK
        async with begin() as tx:
            assert await tx.clocks.overdue(due - SECOND) == []
            assert await tx.clocks.overdue(due) == [
                Overdue(job_id=job.id, clock=Reason.TIMEOUT_EXECUTION, attempt=1)
            ]

    async def test_the_total_clock_runs_in_every_state_until_the_end(self, begin: Begin) -> None:
        clocks = Clocks(total=MINUTE)
        waiting, busy = await submitted(begin, clocks=clocks), await running(begin, clocks=clocks)
        done = await running(begin, clocks=clocks)
        await save_jobs(begin, done.finish(1, SUCCESS, at=T0 + 3 * SECOND))
        async with begin() as tx:
            overdue = await tx.clocks.overdue(T0 + MINUTE)
        assert {(entry.job_id, entry.clock) for entry in overdue} == {
            (waiting.id, Reason.TIMEOUT_TOTAL),
            (busy.id, Reason.TIMEOUT_TOTAL),
        }

    async def test_a_cancel_wish_has_a_bound(self, begin: Begin) -> None:
        job = await running(begin, clocks=Clocks(grace=SECOND))
        await save_jobs(begin, job.cancel(at=T0 + MINUTE))
        due = T0 + MINUTE + SECOND + CANCEL_BOUND
        async with begin() as tx:
            assert await tx.clocks.overdue(due - SECOND) == []
            assert await tx.clocks.overdue(due) == [Overdue(job_id=job.id, clock=Reason.CANCELLED, attempt=1)]

    async def test_the_longest_overdue_comes_first_up_to_the_limit(self, begin: Begin) -> None:
        late = [
            await submitted(begin, clocks=Clocks(queue=minutes * MINUTE), at=T0 + minutes * SECOND)
            for minutes in (3, 1, 2)
        ]
        async with begin() as tx:
            overdue = await tx.clocks.overdue(T0 + timedelta(days=1), 2)
        assert [entry.job_id for entry in overdue] == [late[1].id, late[2].id]
