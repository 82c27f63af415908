"""Which failures are tried again, and when. Pure: the random share of the wait is an argument."""

import math
from datetime import timedelta

from hodei_domain.jobs.result import JobResult, Reason
from hodei_domain.jobs.spec import RetryRules

# no further attempt can bring these back: the time is over for all attempts together
_NEVER = frozenset({Reason.TIMEOUT_TOTAL, Reason.TIMEOUT_QUEUE, Reason.CANCELLED})


def is_tried_again(rules: RetryRules, failures: int, result: JobResult) -> bool:
    """Whether a job that failed `failures` times, the last time with `result`, gets a further attempt."""
    if failures >= rules.max_attempts or result.is_success or result.reason in _NEVER:
        return False
    if result.reason in rules.reasons:
        return True
    if result.is_timeout:
        return False
    if result.exit_code in rules.exit_codes or result.signal in rules.signals:
        return True
    return not (rules.exit_codes or rules.signals or rules.reasons)


MOST_UNDELIVERED = 10
"""Attempts in a row that may come back without having started. Slurm holds a job after five failed launches
(`max_batch_requeue`); half a minute without a network should not be enough for that.
"""

_LONGEST_PAUSE = timedelta(seconds=30)


def delivery_pause(undelivered: int) -> timedelta:
    """The wait after the n-th delivery in a row that came to nothing: none after the first, which is often a
    race with a worker that leaves, then 1, 2, 4 … 30 seconds.
    """
    return (
        min(timedelta(seconds=2.0 ** (undelivered - 2)), _LONGEST_PAUSE) if undelivered > 1 else timedelta(0)
    )


def backoff(rules: RetryRules, failures: int, jitter: float) -> timedelta:
    """The wait after the `failures`-th failure; `jitter` is its random part, from 0 to 1, 0.5 for none."""
    longest = rules.maximum.total_seconds()
    # factor ** failures leaves the range of floats long after it left that of waits
    overflows = (failures - 1) * math.log2(rules.factor) > 64
    wait = (
        longest if overflows else min(longest, rules.initial.total_seconds() * rules.factor ** (failures - 1))
    )
    return timedelta(seconds=wait * (1 + rules.jitter * (2 * jitter - 1)))
