"""Pages of one attempt's output."""

from __future__ import annotations

import pytest
from hodei_application.logs.page_logs import AttemptPage, PageQuery
from hodei_application.testing import World
from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import RetryRules
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.level import Level
from hodei_domain.testing.making import FAILURE


async def logged(world: World, *texts: bytes) -> Job:
    agent = await world.add_worker()
    job = await world.running(agent)
    for text in texts:
        await agent.write(job, text)
    return job


def texts(page: AttemptPage) -> list[str]:
    return [line.entry.data.decode() for line in page.lines]


async def test_pages_meet_from_both_ends(world: World) -> None:
    job = await logged(world, *(f"{n}\n{n + 1}\n{n + 2}\n".encode() for n in range(1, 31, 3)))
    for limit in (1, 4, 7, 30, 100):
        forwards, after, more = [], 0, True
        while more:
            page = await world.control.page_logs(PageQuery(job_id=job.id, limit=limit, after=after))
            forwards += texts(page)
            after, more = page.last, page.has_more
        backwards: list[str] = []
        before: int | None = None
        more = True
        while more:
            query = PageQuery(job_id=job.id, limit=limit, before=before, tail=before is None)
            page = await world.control.page_logs(query)
            backwards = texts(page) + backwards
            before, more = page.first, page.has_more
        assert forwards == backwards == [str(n) for n in range(1, 31)]


async def test_a_search_backwards_skips_nothing_that_matches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.logs.page_logs.WINDOW", 5)
    job = await logged(world, *(b"hay\nneedle %d\nhay\n" % n for n in range(12)))
    found: list[str] = []
    before: int | None = None
    more = True
    while more:
        query = PageQuery(job_id=job.id, limit=2, before=before, tail=before is None, search="NEEDLE")
        page = await world.control.page_logs(query)
        found = texts(page) + found
        before, more = page.first, page.has_more
    assert found == [f"needle {n}" for n in range(12)]


async def test_a_long_search_stops_and_says_how_far_it_came(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.logs.page_logs.LONGEST_SCAN", 10)
    job = await logged(world, *(b"ERROR: a\nall is well\n" for _ in range(20)), b"the end\n")
    page = await world.control.page_logs(PageQuery(job_id=job.id, search="the end"))
    assert (texts(page), page.has_more) == ([], True)
    found = []
    while page.has_more:
        page = await world.control.page_logs(PageQuery(job_id=job.id, search="the end", after=page.last))
        found += texts(page)
    assert found == ["the end"]
    errors = await world.control.page_logs(PageQuery(job_id=job.id, level=Level.ERROR, limit=1))
    assert texts(errors) == ["ERROR: a"]


async def test_a_page_of_long_lines_has_fewer_of_them_in_either_direction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hodei_application.logs.page_logs.LARGEST_PAGE", 10)
    monkeypatch.setattr("hodei_application.logs.page_logs.STEP", 2)
    job = await logged(world, b"aaaa\nbbbb\ncccc\n", b"much more than that\n", b"d\n")
    pages = [["aaaa", "bbbb"], ["cccc"], ["much more than that"], ["d"]]
    page = await world.control.page_logs(PageQuery(job_id=job.id))
    found = [texts(page)]
    while page.has_more:
        page = await world.control.page_logs(PageQuery(job_id=job.id, after=page.last))
        found.append(texts(page))
    assert found == pages
    page = await world.control.page_logs(PageQuery(job_id=job.id, tail=True))
    found = [texts(page)]
    while page.has_more:
        page = await world.control.page_logs(PageQuery(job_id=job.id, before=page.first))
        found.insert(0, texts(page))
    assert found == [["aaaa"], ["bbbb", "cccc"], ["much more than that"], ["d"]]


async def test_a_level_is_asked_for_with_those_above_it(world: World) -> None:
    job = await logged(world, b"ERROR: a\nWARN: b\nINFO: c\n")
    page = await world.control.page_logs(PageQuery(job_id=job.id, level=Level.WARN))
    assert texts(page) == ["ERROR: a", "WARN: b"]


async def test_each_attempt_has_pages_of_its_own(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent, retry=RetryRules(max_attempts=2))
    await agent.write(job, b"first\n")
    await agent.finish(job, FAILURE)
    before = await world.control.page_logs(PageQuery(job_id=job.id))
    assert (before.attempt, texts(before), before.ended) == (1, ["first"], False)
    with pytest.raises(InvalidInput) as refused:
        await world.control.page_logs(PageQuery(job_id=job.id, attempt=2))
    assert refused.value.field == "attempt"


async def test_a_job_that_never_ran_has_an_empty_page_and_an_unknown_one_none(world: World) -> None:
    job = await world.submit()
    page = await world.control.page_logs(PageQuery(job_id=job.id))
    assert (page.attempt, page.lines, page.stored, page.has_more, page.ended) == (0, (), 0, False, False)
    assert [chunk async for chunk in world.control.read_output(job.id)] == []
    with pytest.raises(JobNotFound):
        await world.control.page_logs(PageQuery(job_id=JobId(world.ids())))
