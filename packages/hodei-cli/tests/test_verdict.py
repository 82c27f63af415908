"""A job's end becomes an exit status as shells know them."""

import signal

import pytest
from hodei_cli.verdict import verdict
from hodei_proto.wire.hodei import GetJobResponse


def ended(state: str, **fields: object) -> GetJobResponse:
    return GetJobResponse(state=state, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", [1, 7, 64, 255])
def test_the_jobs_own_exit_code_passes_on_without_a_word(code: int) -> None:
    assert verdict(ended("FAILED", reason="exit", exit_code=code)) == (code, "")


def test_success_is_zero() -> None:
    assert verdict(ended("SUCCEEDED", reason="exit", exit_code=0)) == (0, "")


def test_a_signal_is_128_and_more() -> None:
    assert verdict(ended("FAILED", reason="signal", signal=signal.SIGSEGV)) == (139, "ended by SIGSEGV")


def test_running_out_of_memory_is_said() -> None:
    status, line = verdict(ended("FAILED", reason="oom", signal=9, message="used more than 64 MiB"))
    assert status == 137
    assert line == "oom, ended by SIGKILL: used more than 64 MiB"


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("timeout:execution", "--timeout"),
        ("timeout:queue", "--queue-timeout"),
        ("timeout:no-output", "--silence-timeout"),
        ("timeout:total", "--total-timeout"),
    ],
)
def test_a_timeout_is_124_and_names_its_clock(reason: str, word: str) -> None:
    status, line = verdict(ended("TIMEOUT", reason=reason))
    assert status == 124
    assert reason in line
    assert word in line


def test_ctrl_c_is_130_and_sigterm_is_143() -> None:
    assert verdict(ended("CANCELLED"), signal.SIGINT) == (130, "cancelled")
    assert verdict(ended("CANCELLED"), signal.SIGTERM).status == 143


def test_a_cancellation_by_somebody_else_is_told() -> None:
    assert verdict(ended("CANCELLED", message="by ana: wrong branch")) == (
        130,
        "cancelled: by ana: wrong branch",
    )


def test_a_job_that_ended_before_the_interrupt_keeps_its_own_status() -> None:
    assert verdict(ended("SUCCEEDED", exit_code=0), signal.SIGINT) == (0, "")


@pytest.mark.parametrize(
    ("reason", "status"), [("command-not-found", 127), ("not-executable", 126), ("provisioning", 1)]
)
def test_what_never_started_has_a_shells_status_and_a_reason(reason: str, status: int) -> None:
    assert verdict(ended("FAILED", reason=reason, message="nope")) == (status, f"{reason}: nope")


def test_no_failure_is_ever_zero() -> None:
    assert verdict(ended("FAILED", reason="exit", exit_code=0)).status == 1
    assert verdict(ended("FAILED", reason="exit", exit_code=256)).status == 1
    assert verdict(ended("FAILED")).status == 1
