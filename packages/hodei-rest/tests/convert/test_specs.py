"""Specs there and back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from attrs import evolve
from hodei_domain.jobs.spec import Clocks, JobSpec, OnWorkerLost, Script, Shell
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.testing.strategies import specs
from hodei_rest.convert.overrides import with_overrides
from hodei_rest.convert.specs import from_spec, to_spec
from hodei_rest.schemas.jobs import JobSpec as Told
from hypothesis import given

NO_KEY = {"key": "", "operator": "Eq", "values": ["x"]}
LIMITS = ("queue", "execution", "no_output", "total")


def read(**fields: Any) -> JobSpec:
    return to_spec(msgspec.convert(fields, Told))


def in_ms(spec: JobSpec) -> JobSpec:
    """What the wire can say of a spec: whole milliseconds, and no limit of nothing."""

    def rounded(time: timedelta | None) -> Any:
        return time and timedelta(milliseconds=round(time / timedelta(milliseconds=1)) or 1)

    clocks = Clocks(
        **{
            name: rounded(getattr(spec.clocks, name)) for name in ("queue", "execution", "no_output", "total")
        },
        grace=timedelta(milliseconds=round(spec.clocks.grace / timedelta(milliseconds=1))),
    )
    waits = {
        name: timedelta(milliseconds=round(getattr(spec.retry, name) / timedelta(milliseconds=1)))
        for name in ("initial", "maximum")
    }
    return evolve(spec, clocks=clocks, retry=evolve(spec.retry, **waits))


@given(specs())
def test_what_is_shown_says_the_same_when_it_is_submitted(spec: JobSpec) -> None:
    told = in_ms(spec)
    body = msgspec.json.encode(from_spec(told))
    assert to_spec(msgspec.json.decode(body, type=Told)) == told


def test_a_list_is_executed_as_it_is_and_a_text_is_a_line_for_the_shell() -> None:
    assert read(command=["echo", "a b", ""]).command == Shell("echo", ("a b", ""))
    assert read(command=["my program"]).command == Shell("'my program'")
    assert read(command="echo a | wc").command == Shell("echo a | wc")
    assert read(script={"content": "exit 3"}).command == Script("bash", "exit 3", strict=True)


def test_short_forms_stand_for_the_long_ones() -> None:
    assert read(command="a", timeout_ms=1500).clocks.execution == timedelta(seconds=1.5)
    assert read(command="a", timeout_ms=0).clocks.execution is None
    assert read(command="a", allow_retry=True).retry.max_attempts == 3
    never = read(command="a", allow_retry=False, retry={"max_attempts": 9})
    assert (never.retry.max_attempts, never.on_worker_lost) == (1, OnWorkerLost.FAIL)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "spec.command"),
        ({"command": []}, "spec.command"),
        ({"command": "  "}, "spec.command"),
        ({"command": ["a", "b\0"]}, "spec.command[1]"),
        ({"command": "a", "script": {"content": "b"}}, "spec.command"),
        ({"script": {"content": " "}}, "spec.script.content"),
        ({"script": {"content": "a", "interpreter": ""}}, "spec.script.interpreter"),
        ({"command": "a", "env": {"A=B": "c"}}, "spec.env"),
        ({"command": "a", "env": {"A": "\0"}}, "spec.env.A"),
        ({"command": "a", "timeout_ms": 5, "timeouts": {"execution_ms": 6}}, "spec.timeout_ms"),
        ({"command": "a", "resources": {"memory_mib": 2**41}}, "spec.resources.memory_mib"),
        ({"command": "a", "retry": {"exit_codes": [700]}}, "spec.retry.exit_codes"),
        ({"command": "a", "labels": {"": "x"}}, "spec.labels"),
        ({"command": "a", "tags": ["x" * 300]}, "spec.tags[0]"),
        (
            {"command": "a", "constraints": [{"key": "", "operator": "Eq", "values": ["x"]}]},
            "spec.constraints.key",
        ),
    ],
)
def test_a_refusal_names_the_path_in_the_request(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(**fields)
    assert caught.value.field == field


@given(specs())
def test_overrides_of_nothing_change_nothing(spec: JobSpec) -> None:
    assert with_overrides(spec, {}) is spec


def test_overrides_replace_and_add() -> None:
    old = read(command=["a", "b"], env={"A": "1", "B": "2"}, timeout_ms=5000, labels={"x": "y"})
    new = with_overrides(old, {"env": {"B": "3"}, "timeout_ms": 7000, "script": {"content": "z"}})
    assert new.environment == {"A": "1", "B": "3"}
    assert new.clocks.execution == timedelta(seconds=7)
    assert new.command == Script("bash", "z")
    assert new.labels == {"x": "y"}


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"nope": 1}, "overrides"),
        ({"priority": 7}, "overrides.priority"),
        ({"command": ""}, "overrides.command"),
    ],
)
def test_overrides_that_make_no_sense_are_refused_by_name(overrides: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        with_overrides(read(command="a"), overrides)
    assert (caught.value.field or "").rstrip(".") == field
