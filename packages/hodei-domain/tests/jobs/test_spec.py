import math
from datetime import timedelta
from typing import Any

import pytest
from hodei_domain.jobs.spec import (
    MAX_ARGUMENT,
    MAX_TEXT,
    Clocks,
    Constraint,
    JobSpec,
    Operator,
    Priority,
    RetryRules,
    Script,
    Shell,
)
from hodei_domain.kernel.errors import InvalidInput

TRUE = Shell("true")


def test_a_command_is_all_that_must_be_said() -> None:
    spec = JobSpec(command=TRUE)
    assert (spec.priority, spec.retry.max_attempts, spec.max_losses) == (Priority.NORMAL, 1, 3)
    assert spec.clocks.grace == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Shell(""), "command"),
        (lambda: Shell(" \t\n"), "command"),
        (lambda: Shell("a\0"), "command"),
        (lambda: Shell("x" * (MAX_ARGUMENT + 1)), "command"),
        (lambda: Shell("é" * (MAX_ARGUMENT // 2 + 1)), "command"),
        (lambda: Shell("true", ("ok", "a\0")), "arguments[1]"),
        (lambda: Shell("true", ("x" * MAX_ARGUMENT,) * 49), "arguments"),
        (lambda: Shell(5), "command"),  # type: ignore[arg-type]  # what a client may send
        (lambda: Script("", "x"), "interpreter"),
        (lambda: Script("ba\0sh", "x"), "interpreter"),
        (lambda: Script("bash", " "), "script"),
        (lambda: Script("bash", "a\0"), "script"),
        (lambda: Script("bash", "x" * (MAX_TEXT + 1)), "script"),
    ],
)
def test_a_command_that_cannot_run_is_refused(make: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make()
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"command": "true"}, "command"),
        ({"name": "x" * 257}, "name"),
        ({"environment": {"": "x"}}, "environment"),
        ({"environment": {"A=B": "x"}}, "environment"),
        ({"environment": {"A\0": "x"}}, "environment"),
        ({"environment": {"A": "x\0"}}, "environment.A"),
        ({"environment": {str(n): "x" * 100_000 for n in range(63)}}, "environment"),
        ({"image": "x" * 1025}, "image"),
        ({"user": "me"}, "user"),
        ({"user": "1:"}, "user"),
        ({"user": "-1"}, "user"),
        ({"user": "4294967295"}, "user"),
        ({"entrypoint": "image"}, "entrypoint"),
        ({"image": "a", "entrypoint": "'"}, "entrypoint"),
        ({"entrypoint": " "}, "entrypoint"),
        ({"resources": None}, "resources"),
        ({"constraints": (Constraint("k", Operator.EQ, ("v",)),) * 65}, "constraints"),
        ({"provider": "\ud800"}, "provider"),
        ({"region": "x" * 257}, "region"),
        ({"priority": 7}, "priority"),
        ({"clocks": None}, "clocks"),
        ({"retry": 3}, "retry"),
        ({"on_worker_lost": "RETRY"}, "on_worker_lost"),
        ({"max_losses": -1}, "max_losses"),
        ({"max_budget": -0.1}, "max_budget"),
        ({"max_budget": math.inf}, "max_budget"),
        ({"working_dir": "/\0"}, "working_dir"),
        ({"description": "x" * 65537}, "description"),
        ({"labels": {"": "x"}}, "labels"),
        ({"tags": ("a", "\0")}, "tags[1]"),
        ({"stdin": "a\0"}, "stdin"),
        ({"stdin": "x" * (MAX_TEXT + 1)}, "stdin"),
    ],
)
def test_a_spec_out_of_bounds_is_refused_by_name(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        JobSpec(**{"command": TRUE, **fields})
    assert caught.value.field == field
    assert caught.value.message.startswith(field)


@pytest.mark.parametrize("clock", ["queue", "execution", "no_output", "total"])
def test_a_clock_without_time_is_refused(clock: str) -> None:
    with pytest.raises(InvalidInput, match=clock):
        Clocks(**{clock: timedelta(0)})


def test_grace_may_be_nothing_but_not_less_nor_a_day() -> None:
    assert Clocks(grace=timedelta(0)).grace == timedelta(0)
    for grace in (timedelta(-1), timedelta(days=1)):
        with pytest.raises(InvalidInput, match="grace"):
            Clocks(grace=grace)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": 1001}, "max_attempts"),
        ({"factor": 0.5}, "factor"),
        ({"jitter": 1.5}, "jitter"),
        ({"initial": timedelta(-1)}, "initial"),
        ({"exit_codes": {256}}, "retry.exit_codes"),
        ({"exit_codes": {True}}, "retry.exit_codes"),
        ({"signals": {0}}, "retry.signals"),
        ({"reasons": {"x" * 129}}, "retry.reasons[0]"),
    ],
)
def test_retry_rules_out_of_bounds_are_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        RetryRules(**fields)
    assert caught.value.field == field


def test_nothing_private_shows_in_a_representation() -> None:
    spec = JobSpec(command=Script("bash", "echo hunter2"), environment={"TOKEN": "hunter2"}, stdin="hunter2")
    assert "hunter2" not in repr(spec)


def test_a_spec_does_not_follow_the_callers_dictionaries() -> None:
    environment = {"A": "1"}
    spec = JobSpec(command=TRUE, environment=environment)
    environment["A"] = "2"
    assert spec.environment == {"A": "1"}


@pytest.mark.parametrize(
    ("working_dir", "host", "in_container", "starts"),
    [
        ("", "desk", False, "/home/ana"),
        ("sub", "desk", False, "/home/ana/sub"),
        ("/srv", "desk", False, "/srv"),
        ("", "desk", True, ""),
        ("", "other", False, ""),
        ("", "", False, ""),
        ("sub", "other", False, "sub"),
        ("/srv", "other", True, "/srv"),
    ],
)
def test_where_it_was_submitted_counts_on_that_machine_alone(
    working_dir: str, host: str, in_container: bool, starts: str
) -> None:
    spec = JobSpec(command=Shell("pwd"), working_dir=working_dir, submit_dir="/home/ana", submit_host="desk")
    assert spec.start_dir(host, in_container=in_container) == starts
    nowhere = JobSpec(command=Shell("pwd"), working_dir=working_dir)
    assert nowhere.start_dir(host, in_container=in_container) == working_dir
