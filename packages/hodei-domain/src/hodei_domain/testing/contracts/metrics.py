"""What a store of metrics promises."""

import asyncio
from datetime import timedelta
from typing import Any

from hodei_domain.kernel.ids import WorkerId
from hodei_domain.metrics.tally import FIVE_MINUTES, HOUR, MINUTE, Measure, Sum, Tally
from hodei_domain.metrics.usage import AS_IT_CAME, UsageFilter, UsageSample
from hodei_domain.testing.contracts.base import StoreContract
from hodei_domain.testing.making import SECOND, T0, new_job_id, new_worker_id
from hodei_domain.testing.stores import Begin

START = T0.replace(minute=0, second=0)
EVER = (START - 1000 * HOUR, START + 1000 * HOUR)


def tally(minute: int = 0, **fields: Any) -> Tally:
    """Of a minute after the start."""
    return Tally(
        **{"at": START + minute * MINUTE, "measure": Measure.RUN, "count": 1, "total": 2.0, **fields}
    )


def sample(worker: WorkerId, second: int = 0, **fields: Any) -> UsageSample:
    """Of a second after the start."""
    return UsageSample(worker_id=worker, at=START + second * SECOND, **fields)


async def add(begin: Begin, *tallies: Tally) -> None:
    """In a transaction of its own."""
    async with begin() as tx:
        await tx.metrics.add(sorted(tallies, key=lambda each: each.key))


async def sums(begin: Begin, *measures: Measure, **asked: Any) -> list[Sum]:
    """Of all time, unless told otherwise."""
    since, until = asked.pop("since", EVER[0]), asked.pop("until", EVER[1])
    async with begin() as tx:
        return await tx.metrics.sums(measures or (Measure.RUN,), since, until, **asked)


async def usage(begin: Begin, **wanted: Any) -> list[UsageSample]:
    """The samples wanted."""
    async with begin() as tx:
        return await tx.metrics.usage(UsageFilter(**wanted))


class MetricsStoreContract(StoreContract):
    """MetricsStore."""

    async def test_tallies_of_one_key_are_added_up(self, begin: Begin) -> None:
        await add(begin, tally(bucket=3, provider="docker", state="FAILED"))
        await add(begin, tally(bucket=3, provider="docker", state="FAILED", count=4, total=0.5), tally())
        both = sorted(await sums(begin), key=lambda each: each.bucket)
        assert [(each.bucket, each.count, each.total) for each in both] == [(0, 1, 2.0), (3, 5, 2.5)]
        assert (both[1].provider, both[1].state, both[1].measure) == ("docker", "FAILED", Measure.RUN)

    async def test_nothing_is_lost_where_many_add_at_once(self, begin: Begin) -> None:
        many = [tally(minute, bucket=bucket) for minute in range(3) for bucket in range(3)]
        await asyncio.gather(*(add(begin, *many) for _ in range(6)))
        assert sum(each.count for each in await sums(begin)) == 6 * len(many)

    async def test_sums_are_of_a_time_from_its_beginning_and_without_its_end(self, begin: Begin) -> None:
        await add(begin, *(tally(minute) for minute in range(4)))
        found = await sums(begin, since=START + MINUTE, until=START + 3 * MINUTE)
        assert [each.count for each in found] == [2]
        assert found[0].at == START + MINUTE

    async def test_sums_are_told_by_step_and_measure_and_on_demand_without_buckets(
        self, begin: Begin
    ) -> None:
        await add(begin, *(tally(minute, bucket=minute) for minute in range(4)))
        await add(begin, tally(measure=Measure.SUBMITTED, total=0.0))
        asked = {"since": START, "step": 2 * MINUTE, "by_bucket": False}
        found = await sums(begin, Measure.RUN, Measure.SUBMITTED, **asked)
        assert sorted((each.at, each.measure, each.bucket, each.count) for each in found) == [
            (START, Measure.RUN, 0, 2),
            (START, Measure.SUBMITTED, 0, 1),
            (START + 2 * MINUTE, Measure.RUN, 0, 2),
        ]

    async def test_folding_keeps_the_sums(self, begin: Begin) -> None:
        await add(begin, *(tally(minute, bucket=minute % 2) for minute in range(12)))
        async with begin() as tx:
            assert await tx.metrics.fold(MINUTE, FIVE_MINUTES, START + 10 * MINUTE, 7) == 7
        async with begin() as tx:
            assert await tx.metrics.fold(MINUTE, FIVE_MINUTES, START + 10 * MINUTE, 100) == 3
            assert await tx.metrics.fold(MINUTE, FIVE_MINUTES, START + 10 * MINUTE, 100) == 0
        assert sorted((each.bucket, each.count) for each in await sums(begin)) == [(0, 6), (1, 6)]
        by_step = await sums(begin, since=START, step=FIVE_MINUTES, by_bucket=False)
        assert [each.count for each in by_step] == [5, 5, 2]

    async def test_what_comes_late_is_folded_into_the_same_place(self, begin: Begin) -> None:
        for _ in range(2):
            await add(begin, tally(1))
            async with begin() as tx:
                await tx.metrics.fold(MINUTE, HOUR, START + HOUR, 100)
        async with begin() as tx:
            assert await tx.metrics.prune(START + MINUTE, 100) == 1
        assert await sums(begin) == []

    async def test_old_tallies_are_pruned_some_at_a_time(self, begin: Begin) -> None:
        await add(begin, *(tally(minute) for minute in range(5)))
        async with begin() as tx:
            assert await tx.metrics.prune(START + 4 * MINUTE, 3) == 3
        async with begin() as tx:
            assert await tx.metrics.prune(START + 4 * MINUTE, 3) == 1
        assert [each.count for each in await sums(begin)] == [1]

    async def test_a_sample_reads_back_whole_and_a_repetition_changes_nothing(self, begin: Begin) -> None:
        first = sample(
            new_worker_id(),
            job_id=new_job_id(),
            attempt=2,
            cpu_cores=1.5,
            cpu_cores_max=1.5,
            memory_bytes=5 << 40,
            memory_bytes_max=6 << 40,
            disk_read_bytes=1,
            disk_written_bytes=2,
            network_received_bytes=3,
            network_sent_bytes=4,
        )
        for _ in range(2):
            async with begin() as tx:
                await tx.metrics.add_usage([first])
        assert await usage(begin) == [first]

    async def test_samples_are_found_by_worker_by_job_by_attempt_and_by_time(self, begin: Begin) -> None:
        one, other, job = new_worker_id(), new_worker_id(), new_job_id()
        kept = [
            sample(one, 0, job_id=job, attempt=1),
            sample(one, 5, job_id=job, attempt=1),
            sample(other, 10, job_id=job, attempt=2),
            sample(one, 10, job_id=new_job_id(), attempt=1),
        ]
        async with begin() as tx:
            await tx.metrics.add_usage(kept)
        assert await usage(begin, worker_id=other) == [kept[2]]
        assert await usage(begin, worker_id=one, limit=2) == [kept[1], kept[3]]
        assert await usage(begin, job_id=job) == kept[:3]
        assert await usage(begin, job_id=job, attempt=1) == kept[:2]
        assert await usage(begin, job_id=job, since=START + SECOND, until=START + 10 * SECOND) == [kept[1]]

    async def test_samples_are_folded_into_means_with_their_maxima(self, begin: Begin) -> None:
        worker = new_worker_id()
        told = [
            sample(worker, second, cpu_cores=float(n), cpu_cores_max=float(n), memory_bytes=n * 100)
            for n, second in enumerate((0, 10, 20, 70))
        ]
        async with begin() as tx:
            await tx.metrics.add_usage(told)
            await tx.metrics.add_usage([sample(new_worker_id(), 0)])
        async with begin() as tx:
            assert await tx.metrics.fold_usage(AS_IT_CAME, MINUTE, START + MINUTE, 100) == 4
        mean, last = await usage(begin, worker_id=worker)
        assert (mean.at, mean.width, mean.samples) == (START, MINUTE, 3)
        assert (mean.cpu_cores, mean.cpu_cores_max, mean.memory_bytes) == (1.0, 2.0, 100)
        assert last == told[3]

    async def test_means_of_means_weigh_them(self, begin: Begin) -> None:
        worker = new_worker_id()
        async with begin() as tx:
            await tx.metrics.add_usage([sample(worker, s, cpu_cores=1.0) for s in (0, 1, 2)])
            await tx.metrics.add_usage([sample(worker, 60, cpu_cores=5.0)])
        for narrow, wide in ((AS_IT_CAME, MINUTE), (MINUTE, 10 * MINUTE)):
            async with begin() as tx:
                await tx.metrics.fold_usage(narrow, wide, START + HOUR, 100)
        [mean] = await usage(begin)
        assert (mean.samples, mean.cpu_cores) == (4, 2.0)

    async def test_old_samples_are_pruned_some_at_a_time(self, begin: Begin) -> None:
        async with begin() as tx:
            await tx.metrics.add_usage([sample(new_worker_id(), second) for second in range(4)])
        async with begin() as tx:
            assert await tx.metrics.prune_usage(START + 3 * SECOND, 2) == 2
            assert await tx.metrics.prune_usage(START + timedelta(seconds=3), 2) == 1
            assert await tx.metrics.prune_usage(START + timedelta(seconds=3), 2) == 0
        assert len(await usage(begin)) == 1
