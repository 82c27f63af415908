"""Hypothesis strategies: valid specs, demands, results, ids and output."""

from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st

from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import (
    Clocks,
    Command,
    Constraint,
    JobSpec,
    OnWorkerLost,
    Operator,
    Priority,
    Resources,
    RetryRules,
    Script,
    Shell,
)
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import WorkerId, uuid7
from hodei_domain.kernel.values import PullPolicy

_TEXT = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


def texts(longest: int = 40, shortest: int = 0) -> st.SearchStrategy[str]:
    """Texts that every edge and store can carry: no NUL, no surrogates."""
    return st.text(_TEXT, min_size=shortest, max_size=longest)


def visible_texts(longest: int = 40) -> st.SearchStrategy[str]:
    """Texts with something to see in them."""
    return texts(longest, 1).filter(str.strip)


def uuids() -> st.SearchStrategy[UUID]:
    """UUIDs of version 7."""
    return st.builds(uuid7, st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))


def worker_ids() -> st.SearchStrategy[WorkerId]:
    """Worker ids."""
    return uuids().map(WorkerId)


def durations(longest: timedelta = timedelta(days=1)) -> st.SearchStrategy[timedelta]:
    """Durations of a microsecond or more."""
    return st.timedeltas(timedelta(microseconds=1), longest)


def commands() -> st.SearchStrategy[Command]:
    """Command lines, programs with arguments, and scripts."""
    shell = st.builds(Shell, visible_texts(), st.lists(texts(), max_size=4).map(tuple))
    script = st.builds(
        Script, st.sampled_from(["bash", "sh", "python", "/bin/dash"]), visible_texts(), st.booleans()
    )
    return st.one_of(shell, script)


def resources() -> st.SearchStrategy[Resources]:
    """What a job may ask."""
    return st.builds(
        Resources,
        cpu_cores=st.floats(0, 1024),
        memory_mib=st.integers(0, 1 << 20),
        storage_mib=st.integers(0, 1 << 20),
        gpu=st.integers(0, 8),
        architecture=st.sampled_from(["", "amd64", "arm64", "x86_64"]),
    )


def constraints() -> st.SearchStrategy[Constraint]:
    """Conditions on labels."""
    one = st.sampled_from([Operator.EQ, Operator.NE])
    ordering = st.sampled_from([Operator.GT, Operator.LT])
    many = st.sampled_from([Operator.IN, Operator.NOT_IN])
    key = texts(10, 1)
    return st.one_of(
        st.builds(Constraint, key, one, st.tuples(texts(10))),
        st.builds(Constraint, key, ordering, st.tuples(st.integers(-99, 99).map(str))),
        st.builds(Constraint, key, many, st.lists(texts(10), min_size=1, max_size=3).map(tuple)),
    )


def demands() -> st.SearchStrategy[DemandClass]:
    """Demand classes."""
    return st.builds(
        DemandClass,
        image=st.sampled_from(["", "alpine:3.20", "python:3.12"]),
        user=st.sampled_from(["", "0", "1000:1000"]),
        pull=st.sampled_from(PullPolicy),
        resources=resources(),
        constraints=st.lists(constraints(), max_size=3),
        provider=st.sampled_from(["", "docker"]),
        region=st.sampled_from(["", "eu"]),
        preferred_provider=st.sampled_from(["", "docker"]),
        preferred_region=st.sampled_from(["", "eu"]),
    )


def clocks() -> st.SearchStrategy[Clocks]:
    """Clocks, some of them without limit."""
    maybe = st.none() | durations()
    grace = st.timedeltas(timedelta(0), timedelta(minutes=1))
    return st.builds(Clocks, queue=maybe, execution=maybe, no_output=maybe, total=maybe, grace=grace)


def retry_rules() -> st.SearchStrategy[RetryRules]:
    """Rules for further attempts."""
    return st.builds(
        RetryRules,
        max_attempts=st.integers(1, 5),
        initial=durations(timedelta(minutes=1)),
        factor=st.floats(1, 10),
        maximum=durations(timedelta(hours=1)),
        jitter=st.floats(0, 1),
        exit_codes=st.frozensets(st.integers(1, 255), max_size=3),
        signals=st.frozensets(st.integers(1, 64), max_size=2),
        reasons=st.frozensets(st.sampled_from([reason.value for reason in Reason]), max_size=2),
    )


def labels() -> st.SearchStrategy[dict[str, str]]:
    """Labels."""
    return st.dictionaries(texts(10, 1), texts(20), max_size=3)


def environments() -> st.SearchStrategy[dict[str, str]]:
    """Variables of a process."""
    return st.dictionaries(texts(10, 1).filter(lambda name: "=" not in name), texts(20), max_size=3)


def specs() -> st.SearchStrategy[JobSpec]:
    """Whole specs."""
    return st.builds(
        JobSpec,
        name=texts(),
        command=commands(),
        environment=environments(),
        image=st.sampled_from(["", "alpine:3.20"]),
        resources=resources(),
        constraints=st.lists(constraints(), max_size=2).map(tuple),
        provider=st.sampled_from(["", "docker"]),
        region=st.sampled_from(["", "eu"]),
        preferred_provider=st.sampled_from(["", "docker"]),
        preferred_region=st.sampled_from(["", "eu"]),
        priority=st.sampled_from(Priority),
        clocks=clocks(),
        retry=retry_rules(),
        on_worker_lost=st.sampled_from(OnWorkerLost),
        max_losses=st.integers(0, 5),
        max_budget=st.none() | st.floats(0, 100),
        working_dir=texts(20),
        submit_dir=texts(20),
        submit_host=texts(20),
        description=texts(),
        labels=labels(),
        tags=st.lists(texts(10), max_size=3).map(tuple),
        stdin=st.none() | texts(),
        drop_logs=st.booleans(),
    )


def results() -> st.SearchStrategy[JobResult]:
    """What workers report, success among it."""
    exits = st.builds(JobResult, reason=st.just(Reason.EXIT), exit_code=st.sampled_from([0, 0, 1, 2, 137]))
    signals = st.builds(JobResult, reason=st.just(Reason.SIGNAL), signal=st.sampled_from([9, 15]))
    others = st.builds(
        JobResult,
        reason=st.sampled_from(
            [Reason.OOM, Reason.SPAWN, Reason.TIMEOUT_EXECUTION, Reason.TIMEOUT_TOTAL, Reason.CANCELLED]
        ),
        exit_code=st.sampled_from([None, 1]),
    )
    return st.one_of(exits, signals, others)
