from uuid import UUID

import pytest
from hodei_application.logs.get_logs import LogPage, LogQuery
from hodei_application.testing import World
from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.jobs.job import Job
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.level import Level


async def logged(world: World, *texts: bytes) -> Job:
    agent = await world.add_worker()
    job = await world.running(agent)
    for text in texts:
        await agent.write(job, text)
    await agent.finish(job)
    return job


def lines(page: LogPage) -> list[bytes]:
    return [line.entry.data for line in page.lines]


async def test_pages_follow_each_other_without_gap_or_duplicate(world: World) -> None:
    job = await logged(world, b"1\n2\n3\n", b"4\n5\n")
    first = await world.control.get_logs(LogQuery(job_id=job.id, limit=2))
    assert (lines(first), first.has_more) == ([b"1", b"2"], True)
    second = await world.control.get_logs(LogQuery(job_id=job.id, limit=2, since=first.next_since))
    third = await world.control.get_logs(LogQuery(job_id=job.id, limit=2, since=second.next_since))
    assert lines(second) + lines(third) == [b"3", b"4", b"5"]
    assert third.has_more is False


async def test_lines_can_be_asked_for_by_level_and_text(world: World) -> None:
    job = await logged(world, b"INFO Start\nERROR disk full\n", b"WARN slow\nERROR net down\n")
    errors = await world.control.get_logs(LogQuery(job_id=job.id, level=Level.ERROR))
    assert lines(errors) == [b"ERROR disk full", b"ERROR net down"]
    assert {line.level for line in errors.lines} == {Level.ERROR}
    disk = await world.control.get_logs(LogQuery(job_id=job.id, search="DISK"))
    assert lines(disk) == [b"ERROR disk full"]


async def test_a_level_is_asked_for_with_those_above_it(world: World) -> None:
    job = await logged(world, b"INFO Start\nplain\nDEBUG more\nERROR disk full\nWARN slow\n")
    page = await world.control.get_logs(LogQuery(job_id=job.id, level=Level.WARN))
    assert lines(page) == [b"ERROR disk full", b"WARN slow"]
    page = await world.control.get_logs(LogQuery(job_id=job.id, level=Level.INFO))
    assert lines(page) == [b"INFO Start", b"ERROR disk full", b"WARN slow"]


async def test_a_page_of_long_lines_is_no_larger_than_a_message_may_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.logs.get_logs.LARGEST_PAGE", 10)
    job = await logged(world, b"aaaa\nbbbb\ncccc\n", b"much more than that\n", b"d\n")
    pages = [await world.control.get_logs(LogQuery(job_id=job.id))]
    while pages[-1].has_more:
        pages.append(await world.control.get_logs(LogQuery(job_id=job.id, since=pages[-1].next_since)))
    assert [lines(each) for each in pages] == [
        [b"aaaa", b"bbbb"],
        [b"cccc"],
        [b"much more than that"],
        [b"d"],
    ]


async def test_a_long_search_stops_and_says_how_far_it_came(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.logs.get_logs.LONGEST_SCAN", 10)
    job = await logged(world, *(b"nothing here\n" for _ in range(20)), b"needle\n")
    page = await world.control.get_logs(LogQuery(job_id=job.id, search="needle"))
    assert (lines(page), page.has_more) == ([], True)
    found = []
    while page.has_more:
        page = await world.control.get_logs(LogQuery(job_id=job.id, search="needle", since=page.next_since))
        found += lines(page)
    assert found == [b"needle"]


async def test_a_job_without_output_has_an_empty_page(world: World) -> None:
    job = await world.submit()
    assert await world.control.get_logs(LogQuery(job_id=job.id)) == LogPage((), False, 0)


async def test_an_unknown_job_has_no_page(world: World) -> None:
    with pytest.raises(JobNotFound):
        await world.control.get_logs(LogQuery(job_id=JobId(UUID(int=1))))
