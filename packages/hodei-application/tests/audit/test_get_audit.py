from datetime import timedelta

from hodei_application.testing import World
from hodei_domain.audit.record import AuditFilter


async def test_records_are_listed_newest_first(world: World) -> None:
    await world.submit()
    await world.add_worker()
    page = await world.control.get_audit(AuditFilter(limit=1))
    assert page.total > 1
    assert page.records[0].event_type != "JobCreated"


async def test_the_story_of_a_job_is_told_in_order(world: World) -> None:
    agent = await world.add_worker()
    job = await world.running(agent)
    await agent.finish(job)
    story = await world.control.audit_by_correlation(str(job.id))
    assert [record.event_type for record in story] == [
        "JobCreated",
        "JobAssigned",
        "JobStatusChanged",
        "JobStatusChanged",
    ]
    times = [record.occurred_at for record in story]
    assert times == sorted(set(times))
    assert len(await world.control.audit_by_correlation(str(job.id), limit=2)) == 2


async def test_records_are_counted_by_type(world: World) -> None:
    for _ in range(3):
        await world.submit()
    assert (await world.control.audit_counts())["JobCreated"] == 3
    tomorrow = world.clock() + timedelta(days=1)
    assert await world.control.audit_counts(tomorrow) == {}
