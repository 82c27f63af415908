"""Every refusal is a problem document, and a bug shows nothing but an id."""

from __future__ import annotations

import json
import logging
from typing import Any

import msgspec
import pytest
from hodei_domain.kernel.errors import HodeiError, InvalidInput, Kind
from hodei_rest.openapi import ERRORS
from hodei_rest.problems import STATUS, answer_error, of_body, of_error
from hodei_rest.schemas.jobs import SubmitJob


def test_every_kind_of_error_has_a_status() -> None:
    assert set(STATUS) == set(Kind)


def test_a_refusal_names_its_field_and_keeps_its_code() -> None:
    told = of_error(InvalidInput("is empty", field="spec.command"), "POST /")
    assert (told.status, told.code, told.detail) == (422, "invalid", "spec.command: is empty")
    assert [(each.field, each.message) for each in told.errors] == [("spec.command", "is empty")]


def test_a_bug_is_logged_with_its_trace_and_told_by_an_id_alone(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        told = of_error(RuntimeError("the password is swordfish"), "GET /x", new_id=lambda: "42")
    assert (told.status, told.code, told.correlation_id) == (500, "internal", "42")
    assert b"swordfish" not in msgspec.json.encode(told)
    assert "correlation id 42" in caplog.text
    assert "swordfish" in caplog.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"spec": {"command": ["a", 3]}}', "spec.command[1]"),
        ('{"spec": {"timeout_ms": "soon"}}', "spec.timeout_ms"),
        ('{"spec": {"env": {"A": 1}}}', "spec.env[...]"),
        ('{"spec": {"timeouts": {"queue_ms": -1}}}', "spec.timeouts.queue_ms"),
        ('{"spec": {"commnd": "a"}}', "spec"),
        ("{}", "spec"),
        ("[]", ""),
    ],
)
def test_a_body_that_is_not_right_is_refused_at_its_field(body: str, field: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(body, type=SubmitJob)
    told = of_body(caught.value)
    assert (told.status, [each.field for each in told.errors]) == (422, [field])


def test_a_body_that_is_no_json_is_a_400() -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode('{"spec": {"comm', type=SubmitJob)
    assert of_body(caught.value).status == 400


def test_the_description_speaks_of_statuses_that_refusals_have() -> None:
    assert {int(status) for status in ERRORS} <= set(STATUS.values())


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_answered_with_its_status_and_what_goes_with_it(kind: Kind) -> None:
    class Refused(HodeiError):
        code = "test.refused"

    Refused.kind = kind

    class Asked:
        method = "GET"

        class url:  # noqa: N801
            path = "/x"

    answer: Any = answer_error(Asked(), Refused("no"))  # type: ignore[arg-type]
    assert answer.status_code == STATUS[kind]
    assert answer.media_type == "application/problem+json"
    assert json.loads(answer.content)["code"] == "test.refused"
    assert ("WWW-Authenticate" in answer.headers) is (kind is Kind.UNAUTHENTICATED)
    assert ("Retry-After" in answer.headers) is (kind in (Kind.EXHAUSTED, Kind.UNAVAILABLE))
