from datetime import timedelta
from uuid import UUID

from attrs import evolve
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import OnWorkerLost, RetryRules
from hodei_domain.kernel.ids import ProviderId
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.scheduling.offers import ProviderOffer
from hodei_domain.scheduling.why import PendingReason, in_words, why_pending
from hodei_domain.testing.making import FAILURE, MINUTE, SECOND, T0, new_worker_id, submission

DOCKER = ProviderOffer(
    provider_id=ProviderId(UUID(int=1)),
    name="docker",
    capabilities=Capabilities(images=True),
    live_workers=10,
)
PROCESS = ProviderOffer(provider_id=ProviderId(UUID(int=2)), name="process")


def job(**fields: object) -> Job:
    return submission(**fields).after


def test_a_job_that_is_not_pending_needs_no_reason() -> None:
    running = job().assign(new_worker_id(), at=T0).after
    assert why_pending(running, [DOCKER], now=T0) == []


def test_each_provider_says_its_part() -> None:
    assert why_pending(job(image="alpine:3.20"), [PROCESS, DOCKER], now=T0) == [
        PendingReason("docker", "is at its limit of 10 workers"),
        PendingReason("process", "runs no images"),
    ]


def test_a_worker_on_its_way_is_told_with_its_stage() -> None:
    told = why_pending(job(image="a"), [DOCKER], starting=[("docker", "pulling alpine:3.20")], now=T0)
    assert told == [PendingReason("docker", "pulling alpine:3.20", slow=True)]
    (told_again,) = why_pending(job(image="a"), [DOCKER], starting=[("docker", "starting")], now=T0)
    assert (told_again.reason, told_again.slow) == ("starting", False)


def test_what_was_wrong_with_the_last_try_is_told_until_one_works() -> None:
    tried = evolve(DOCKER, live_workers=0, trouble="cannot pull a: 429", retry_at=T0 + MINUTE)
    assert why_pending(job(image="a"), [tried], now=T0) == [
        PendingReason(
            "docker",
            "could not make a worker: cannot pull a: 429; it will be asked again in 60 s",
            slow=True,
        )
    ]
    (again,) = why_pending(job(image="a"), [tried], starting=[("docker", "pulling a")], now=T0)
    assert again.reason == "pulling a, after a failure: cannot pull a: 429"


def test_a_job_that_nobody_can_ever_serve_says_so_first() -> None:
    told = why_pending(job(image="alpine:3.20"), [PROCESS], now=T0)
    words = "no provider can serve it, and it waits until one can: alpine:3.20"
    assert told[0] == PendingReason("", words, lasting=True)


def test_workers_that_could_run_it_are_told_of_where_no_provider_can() -> None:
    told = why_pending(job(image="alpine:3.20"), [PROCESS], able=2, now=T0)
    assert told[0] == PendingReason("", "2 workers that could run it are there, and not free")
    assert why_pending(job(), [], able=1, now=T0) == [
        PendingReason("", "a worker that could run it is there, and not free")
    ]


def test_reasons_in_one_line() -> None:
    told = [PendingReason("", "no provider can"), PendingReason("docker", "is disabled")]
    assert in_words(told) == "no provider can; docker: is disabled"


def test_a_free_provider_means_a_worker_is_coming() -> None:
    assert why_pending(job(), [PROCESS], now=T0) == [PendingReason("process", "waiting for a worker")]


def test_without_providers_a_person_must_act() -> None:
    [reason] = why_pending(job(), [], now=T0)
    assert "register one" in reason.reason


def test_a_backoff_is_told_with_its_rest() -> None:
    waiting = job(retry=RetryRules(max_attempts=2, initial=timedelta(seconds=30), jitter=0))
    waiting = waiting.assign(new_worker_id(), at=T0).after.finish(1, FAILURE, at=T0 + SECOND).after
    told = why_pending(waiting, [PROCESS], now=T0 + 11 * SECOND)
    assert told == [PendingReason("", "attempt 2 starts in 20 s, after 1 failures")]
    assert why_pending(waiting, [PROCESS], now=T0 + MINUTE) == [
        PendingReason("process", "waiting for a worker")
    ]


def test_a_held_job_says_what_it_waits_for() -> None:
    held = (
        job(on_worker_lost=OnWorkerLost.HOLD)
        .assign(new_worker_id(), at=T0)
        .after.lose(1, at=T0, why="x")
        .after
    )
    [reason] = why_pending(held, [PROCESS], now=T0)
    assert reason.reason == "held after its worker was lost: retry releases it, cancel ends it"
