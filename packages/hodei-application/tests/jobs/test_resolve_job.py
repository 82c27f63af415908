"""What people type instead of a whole id."""

from __future__ import annotations

import pytest
from hodei_application.jobs.submit_job import Submission
from hodei_application.testing.world import World
from hodei_domain.jobs.errors import JobNotFound
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import JobSpec, Shell
from hodei_domain.kernel.errors import InvalidInput


async def submitted_by(world: World, owner: str) -> Job:
    submission = Submission(spec=JobSpec(command=Shell("true")), queued_by=owner)
    return (await world.control.submit_job(submission)).job


async def test_the_last_job_is_the_newest_of_whoever_asks(world: World) -> None:
    mine = await submitted_by(world, "ana")
    await submitted_by(world, "bo")
    assert [job.id for job in await world.control.resolve_job("@last", queued_by="ana")] == [mine.id]
    with pytest.raises(JobNotFound, match="eve has no job"):
        await world.control.resolve_job("@last", queued_by="eve")


async def test_what_several_jobs_may_be_names_them_all(world: World) -> None:
    older, newer = await world.submit(name="nightly"), await world.submit(name="nightly")
    assert [job.id for job in await world.control.resolve_job("nightly")] == [newer.id, older.id]
    assert [job.id for job in await world.control.resolve_job(str(older.id))] == [older.id]


@pytest.mark.parametrize("text", ["nosuch", "beef", "0192f3c4-1a5b-7c3d-8e9f-0a1b2c3d4e5f"])
async def test_what_no_job_is_is_said_with_the_text(world: World, text: str) -> None:
    with pytest.raises(JobNotFound, match=text):
        await world.control.resolve_job(text)


async def test_too_short_a_part_of_an_id_is_told_so(world: World) -> None:
    with pytest.raises(JobNotFound, match="give 4 digits or more"):
        await world.control.resolve_job("abc")


@pytest.mark.parametrize("text", ["", "x" * 257])
async def test_what_can_refer_to_nothing_is_refused(world: World, text: str) -> None:
    with pytest.raises(InvalidInput, match="reference"):
        await world.control.resolve_job(text)
