from datetime import timedelta

import pytest
from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.retry import backoff, is_tried_again
from hodei_domain.jobs.spec import RetryRules
from hodei_domain.testing.strategies import retry_rules
from hypothesis import given
from hypothesis import strategies as st

EXIT_1 = JobResult(reason=Reason.EXIT, exit_code=1)
KILLED = JobResult(reason=Reason.SIGNAL, signal=9)
OOM = JobResult(reason=Reason.OOM, exit_code=137, signal=9)
LATE = JobResult(reason=Reason.TIMEOUT_EXECUTION)


@pytest.mark.parametrize(
    ("rules", "result", "again"),
    [
        ({}, EXIT_1, True),
        ({}, KILLED, True),
        ({}, OOM, True),
        ({}, LATE, False),
        ({"reasons": {"timeout:execution"}}, LATE, True),
        ({"reasons": {"timeout:no-output"}}, LATE, False),
        ({"exit_codes": {1}}, EXIT_1, True),
        ({"exit_codes": {2}}, EXIT_1, False),
        ({"exit_codes": {2}}, KILLED, False),
        ({"signals": {9}}, KILLED, True),
        ({"signals": {15}}, KILLED, False),
        ({"reasons": {"oom"}}, OOM, True),
        ({"reasons": {"oom"}}, EXIT_1, False),
        ({"exit_codes": {1}, "reasons": {"oom"}}, EXIT_1, True),
        ({"exit_codes": {1}}, LATE, False),
        ({"reasons": {"timeout:total"}}, JobResult(reason=Reason.TIMEOUT_TOTAL), False),
        ({"reasons": {"cancelled"}}, JobResult(reason=Reason.CANCELLED), False),
        ({}, JobResult(reason=Reason.EXIT, exit_code=0), False),
    ],
)
def test_rules_choose_which_failures_are_tried_again(
    rules: dict[str, set[str]], result: JobResult, again: bool
) -> None:
    assert is_tried_again(RetryRules(max_attempts=2, **rules), 1, result) is again  # type: ignore[arg-type]  # by table


def test_attempts_are_counted() -> None:
    rules = RetryRules(max_attempts=3)
    assert [is_tried_again(rules, failures, EXIT_1) for failures in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]
    assert not is_tried_again(RetryRules(), 1, EXIT_1), "one attempt is the default"


def test_waits_double_up_to_the_maximum() -> None:
    rules = RetryRules(max_attempts=9, maximum=timedelta(seconds=10), jitter=0)
    waits = [backoff(rules, failures, 0.9).total_seconds() for failures in range(1, 7)]
    assert waits == [1, 2, 4, 8, 10, 10]


def test_jitter_is_a_share_of_the_wait_both_ways() -> None:
    rules = RetryRules(max_attempts=9, initial=timedelta(seconds=100), jitter=0.2)
    assert [backoff(rules, 1, u).total_seconds() for u in (0, 0.5, 1)] == [80, 100, 120]


def test_a_thousand_failures_do_not_overflow() -> None:
    rules = RetryRules(max_attempts=1000, factor=100, jitter=0)
    assert backoff(rules, 999, 0.5) == rules.maximum


@given(retry_rules(), st.integers(1, 1000), st.floats(0, 1))
def test_a_wait_is_never_negative_nor_beyond_the_maximum_with_its_jitter(
    rules: RetryRules, failures: int, jitter: float
) -> None:
    wait = backoff(rules, failures, jitter)
    assert timedelta(0) <= wait <= rules.maximum * 2 + timedelta(seconds=1)
