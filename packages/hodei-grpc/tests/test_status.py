import logging

import pytest
from grpc import StatusCode
from hodei_domain.kernel.errors import (
    AlreadyExists,
    Conflict,
    Exhausted,
    HodeiError,
    InvalidInput,
    Kind,
    NotFound,
    Unavailable,
)
from hodei_grpc.codec import Malformed
from hodei_grpc.status import STATUS, Refusal, refusal


def test_every_kind_has_a_status() -> None:
    assert set(STATUS) == set(Kind)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput("too long"), StatusCode.INVALID_ARGUMENT),
        (NotFound("no such job"), StatusCode.NOT_FOUND),
        (Conflict("it has ended"), StatusCode.FAILED_PRECONDITION),
        (AlreadyExists("taken"), StatusCode.ALREADY_EXISTS),
        (Exhausted("too many"), StatusCode.RESOURCE_EXHAUSTED),
        (Unavailable("later"), StatusCode.UNAVAILABLE),
    ],
)
def test_an_error_of_ours_is_told_with_its_text_and_code(error: HodeiError, status: StatusCode) -> None:
    told = refusal(error, about="/x/Y")
    assert told == Refusal(status, error.message, (("hodei-error-code", error.code),))


def test_the_field_is_told_in_text_and_metadata() -> None:
    told = refusal(InvalidInput("must not be empty", field="command"), about="/x/Y")
    assert told.text == "command: must not be empty"
    assert ("hodei-error-field", "command") in told.metadata


def test_bytes_that_cannot_be_read_are_the_callers_mistake() -> None:
    told = refusal(Malformed("not a hodei.JobId"), about="/x/Y")
    assert told.status is StatusCode.INVALID_ARGUMENT


def test_anything_else_is_internal_and_keeps_its_secrets(caplog: pytest.LogCaptureFixture) -> None:
    error = RuntimeError("password=hunter2")
    with caplog.at_level(logging.ERROR, "hodei.grpc"):
        told = refusal(error, about="/x/Y", new_id=lambda: "c0ffee")
    assert told.status is StatusCode.INTERNAL
    assert "hunter2" not in f"{told}"
    assert "c0ffee" in told.text
    assert ("hodei-correlation-id", "c0ffee") in told.metadata
    (record,) = caplog.records
    assert "/x/Y" in record.message
    assert "c0ffee" in record.message
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_two_bugs_have_two_ids() -> None:
    first, second = (refusal(RuntimeError(), about="/x/Y") for _ in range(2))
    assert first.text != second.text


@pytest.mark.parametrize("char", ["x", "ñ", "\U0001f600", "\n", "\ud800", " "])
def test_a_text_is_cut_to_what_a_header_can_carry(char: str) -> None:
    short, long = (refusal(NotFound(char * count), about="/x/Y").text for count in (10, 1_000_000))
    assert short == char * 10
    assert long.endswith("…")
    assert 300 < len(long) <= 4097
    assert set(long[:-1]) == {char}


def test_metadata_is_printable_ascii() -> None:
    told = refusal(InvalidInput("no", field="environment[ñ\n]" + "x" * 1000), about="/x/Y")
    field = dict(told.metadata)["hodei-error-field"]
    assert field.startswith("environment[??]")
    assert len(field) <= 256
