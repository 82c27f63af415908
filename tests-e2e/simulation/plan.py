"""What a seed does: its jobs, its replicas, and which faults it may know."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from attrs import frozen
from hodei_application.jobs.submit_job import Submission
from hodei_domain.jobs.spec import Clocks, JobSpec, OnWorkerLost, Priority, RetryRules, Shell
from hodei_domain.kernel.ids import JobId, uuid7
from hodei_domain.scheduling.choose import WorkerStrategy
from hodei_domain.scheduling.config import SchedulerConfig

from simulation.process import Script

_ON_WORKER_LOST = (OnWorkerLost.RETRY, OnWorkerLost.RETRY, OnWorkerLost.FAIL, OnWorkerLost.HOLD)

CALM, CONTROL, ROUGH = "calm", "control", "rough"
"""No fault at all; faults of the control plane and the store alone; everything."""


@frozen(kw_only=True)
class Plan:
    """`trouble` is how long faults go on, in virtual seconds; `pace` how many come in a minute."""

    profile: str
    replicas: int
    clients: int
    jobs: int
    max_workers: int
    trouble: float
    pace: float
    config: SchedulerConfig


def plan_of(random: Random) -> Plan:
    """A world."""
    luck = random.random()
    max_workers = random.randint(1, 5)
    profile = CALM if luck < 0.05 else CONTROL if luck < 0.3 else ROUGH
    return Plan(
        profile=profile,
        replicas=random.choice((1, 1, 2, 2, 3)),
        clients=random.choice((1, 2, 3)),
        jobs=random.choice((3, 8, 14, 25)),
        max_workers=max_workers,
        trouble=random.uniform(20, 90),
        pace=random.choice((3, 6, 10) if profile == CONTROL else (4, 10, 20, 40)),
        config=SchedulerConfig(
            worker_strategy=random.choice(list(WorkerStrategy)),
            register_within=timedelta(seconds=random.choice((15, 30, 60))),
            idle_ttl=timedelta(seconds=random.choice((3, 20, 300))),
            max_jobs=random.choice((0, 0, 1, 3)),
            # The last place is never kept warm: a job of another kind would wait for it for ever.
            min_idle=random.choice((0, 0, 1)) if max_workers > 1 else 0,
            requeue_delay=timedelta(seconds=random.choice((0, 1))),
            # A worker that reaches its lifetime takes its job along: not where nothing may be lost.
            max_lifetime=timedelta(seconds=3600 if profile == CONTROL else random.choice((40, 3600, 3600))),
        ),
    )


def submission_of(random: Random, number: int) -> Submission:
    """A job, perhaps one that makes trouble."""
    luck = random.random()
    return Submission(
        spec=_spec(random, unreadable=luck > 0.97),
        job_id=JobId(uuid7(1735732800000 + number, random.getrandbits(74))) if luck < 0.5 else None,
        idempotency_key=f"key-{number}" if 0.3 < luck < 0.8 else None,
        queued_by=random.choice(("ana", "bob", "")),
    )


def _spec(random: Random, *, unreadable: bool) -> JobSpec:
    script = Script(
        lines=random.choice((0, 1, 3, 8, 40, 40, 150)),
        pause=random.choice((0.01, 0.1, 0.5)),
        width=random.choice((60, 200, 3000)),
        exit_code=random.choice((0, 0, 0, 0, 1, 3)),
        deaf=random.random() < 0.15,
        slow_to_go=random.choice((0.0, 0.0, 1.0, 4.0)),
        unstartable=random.random() < 0.04,
        unreadable=unreadable,
    )
    return JobSpec(
        command=Shell(script.to_command()),
        image=random.choice(("", "", "", "alpine:3.20")),
        priority=random.choice(list(Priority)),
        clocks=Clocks(
            queue=_maybe(random, 0.05, 20, 60),
            execution=_maybe(random, 0.1, 1, 20),
            no_output=_maybe(random, 0.05, 1, 5),
            total=_maybe(random, 0.1, 10, 90),
            grace=timedelta(seconds=random.choice((0, 1, 3))),
        ),
        retry=RetryRules(max_attempts=random.choice((1, 1, 2, 3)), initial=timedelta(seconds=1)),
        on_worker_lost=random.choice(_ON_WORKER_LOST),
        max_losses=random.choice((0, 1, 3)),
    )  # fmt: skip


def _maybe(random: Random, chance: float, least: float, most: float) -> timedelta | None:
    return timedelta(seconds=random.uniform(least, most)) if random.random() < chance else None
