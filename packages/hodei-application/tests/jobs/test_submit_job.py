import asyncio
from uuid import UUID

import pytest
from attrs import evolve
from hodei_application.jobs.submit_job import Submission, Submitted
from hodei_application.testing import World
from hodei_domain.jobs.errors import JobAlreadyExists
from hodei_domain.jobs.job import JobState
from hodei_domain.jobs.spec import JobSpec, Priority, Shell
from hodei_domain.kernel.errors import InvalidInput, StoreUnavailable
from hodei_domain.kernel.ids import JobId

J1 = JobId(UUID(int=1))
TRUE = JobSpec(command=Shell("true"))
FALSE = JobSpec(command=Shell("false"))


async def test_an_acknowledged_job_is_in_the_store(world: World) -> None:
    submitted = await world.control.submit_job(Submission(spec=TRUE))
    assert (await world.job(submitted.job.id)).state is JobState.PENDING
    assert submitted.duplicate is False


async def test_jobs_submitted_at_once_share_a_transaction(world: World) -> None:
    before = world.store.commits
    jobs = await asyncio.gather(*(world.submit(name=str(n)) for n in range(50)))
    assert len({job.id for job in jobs}) == 50
    assert world.store.commits - before == 1


async def test_the_same_submission_twice_is_one_job(world: World) -> None:
    for identity in ({"job_id": J1}, {"idempotency_key": "key"}):
        first = await world.control.submit_job(Submission(spec=TRUE, **identity))  # type: ignore[arg-type]
        second = await world.control.submit_job(Submission(spec=TRUE, **identity))  # type: ignore[arg-type]
        assert second.duplicate is True
        assert second.job.id == first.job.id


async def test_the_same_submission_twice_in_one_batch_is_one_job(world: World) -> None:
    answers = await world.control.submit_jobs([Submission(spec=TRUE, idempotency_key="k")] * 3)
    assert [a.duplicate for a in answers if isinstance(a, Submitted)] == [False, True, True]
    assert len({a.job.id for a in answers if isinstance(a, Submitted)}) == 1


async def test_many_who_submit_the_same_at_once_get_one_job(world: World) -> None:
    other = world.replica("two")
    calls = [
        control.submit_job(Submission(spec=TRUE, job_id=J1))
        for control in (world.control, other)
        for _ in range(5)
    ]
    answers = await asyncio.gather(*calls)
    assert {a.job.id for a in answers} == {J1}
    assert sorted(a.duplicate for a in answers) == [False] + [True] * 9


@pytest.mark.parametrize("identity", [{"job_id": J1}, {"idempotency_key": "key"}])
async def test_another_content_under_the_same_identity_is_refused_and_overwrites_nothing(
    world: World, identity: dict[str, object]
) -> None:
    first = await world.control.submit_job(Submission(spec=TRUE, **identity))  # type: ignore[arg-type]
    with pytest.raises(JobAlreadyExists, match="says something else"):
        await world.control.submit_job(Submission(spec=FALSE, **identity))  # type: ignore[arg-type]
    assert (await world.job(first.job.id)).spec == TRUE


async def test_a_key_that_belongs_to_a_job_of_another_id_is_refused(world: World) -> None:
    await world.control.submit_job(Submission(spec=TRUE, idempotency_key="key"))
    with pytest.raises(JobAlreadyExists, match="idempotency key"):
        await world.control.submit_job(Submission(spec=TRUE, idempotency_key="key", job_id=J1))


async def test_in_a_batch_one_refusal_does_not_touch_the_others(world: World) -> None:
    await world.control.submit_job(Submission(spec=TRUE, job_id=J1))
    one, refused, two = await world.control.submit_jobs(
        [Submission(spec=TRUE), Submission(spec=FALSE, job_id=J1), Submission(spec=FALSE)]
    )
    assert isinstance(refused, JobAlreadyExists)
    for answer in (one, two):
        assert isinstance(answer, Submitted)
        assert (await world.job(answer.job.id)).state is JobState.PENDING


async def test_when_the_commit_fails_nothing_is_acknowledged_and_nothing_is_kept(world: World) -> None:
    world.store.fail_commits(1)
    with pytest.raises(StoreUnavailable):
        await world.control.submit_job(Submission(spec=TRUE, job_id=J1))
    assert (await world.control.submit_job(Submission(spec=TRUE, job_id=J1))).duplicate is False


async def test_the_owners_take_turns(world: World) -> None:
    for owner in ("ann", "ann", "ann", "bob"):
        await world.control.submit_job(Submission(spec=TRUE, queued_by=owner))
    agent = await world.add_worker()
    order = []
    for _ in range(4):
        await world.settle()
        order.append(agent.jobs[-1].queued_by)
        await agent.finish(agent.jobs[-1])
    assert order == ["ann", "bob", "ann", "ann"]


async def test_an_owners_turns_go_on_after_a_restart(world: World) -> None:
    for _ in range(3):
        await world.control.submit_job(Submission(spec=TRUE, queued_by="ann"))
    restarted = world.replica("two")
    late = await restarted.submit_job(Submission(spec=TRUE, queued_by="ann"))
    other = await restarted.submit_job(Submission(spec=TRUE, queued_by="bob"))
    assert late.job.turn == 3
    assert other.job.turn == 0


async def test_urgent_jobs_go_first(world: World) -> None:
    await world.submit(name="normal")
    await world.submit(name="critical", priority=Priority.CRITICAL)
    agent = await world.add_worker()
    await world.settle()
    assert agent.jobs[0].spec.name == "critical"


@pytest.mark.parametrize("field", ["queued_by", "correlation_id", "idempotency_key"])
def test_texts_that_no_store_takes_are_refused_by_name(field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        Submission(spec=TRUE, **{field: "a\0b"})  # type: ignore[arg-type]


async def test_other_replicas_are_told_that_there_is_work(world: World) -> None:
    await world.submit()
    assert "work" in world.hints


async def test_memory_for_owners_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_application.jobs.submit_job.OWNERS_KEPT", 5)
    for number in range(20):
        await world.control.submit_job(Submission(spec=TRUE, queued_by=f"owner {number}"))
    turns = world.control.submit_jobs.turns
    assert len(turns._known) <= 6


async def test_a_provider_that_there_is_not_is_refused_with_those_that_there_are(world: World) -> None:
    with pytest.raises(InvalidInput) as none:
        await world.submit(provider="nosuch")
    assert none.value.message == "provider: there is no provider 'nosuch'; there are none"
    await world.add_provider()
    wrong, right = await world.control.submit_jobs(
        [Submission(spec=evolve(TRUE, provider=name)) for name in ("nosuch", "scripted")]
    )
    assert isinstance(wrong, InvalidInput)
    assert wrong.message == "provider: there is no provider 'nosuch'; there are scripted"
    assert isinstance(right, Submitted)


async def test_a_preferred_provider_may_come_later(world: World) -> None:
    await world.add_provider()
    job = await world.submit(preferred_provider="later", preferred_region="moon")
    await world.settle()
    assert (await world.job(job.id)).state is JobState.SCHEDULED


async def test_a_job_that_must_run_in_a_region_waits_for_it_beside_an_idle_worker(world: World) -> None:
    await world.add_provider()
    agent = await world.add_worker()
    job = await world.submit(region="nowhere")
    await world.settle()
    assert (await world.job(job.id)).state is JobState.PENDING
    assert agent.jobs == []
    reasons = [each.reason for each in await world.control.why_pending(job.id)]
    assert reasons[1:] == ["is in no region, not in nowhere"]


async def test_a_key_belongs_to_its_owner(world: World) -> None:
    mine, yours = [
        await world.control.submit_job(Submission(spec=TRUE, idempotency_key="nightly", queued_by=owner))
        for owner in ("ana", "bob")
    ]
    assert mine.job.id != yours.job.id
    assert not yours.duplicate
    again = await world.control.submit_job(Submission(spec=TRUE, idempotency_key="nightly", queued_by="bob"))
    assert (again.job.id, again.duplicate) == (yours.job.id, True)


async def test_running_a_job_again_twice_under_one_key_is_one_new_job(world: World) -> None:
    job = await world.submit()
    await world.control.cancel_job(job.id)
    first, second = [await world.control.retry_job(job.id, idempotency_key="once") for _ in range(2)]
    assert (first.job.id, second.job.id, second.duplicate) == (first.job.id, first.job.id, True)
    other = await world.submit()
    await world.control.cancel_job(other.id)
    with pytest.raises(JobAlreadyExists):
        await world.control.retry_job(other.id, idempotency_key="once")
    assert (await world.control.retry_job(job.id)).job.id != first.job.id
