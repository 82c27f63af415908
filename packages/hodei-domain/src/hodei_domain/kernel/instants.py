"""Instants of aggregates rise strictly, whatever the clocks of the machines do."""

from datetime import datetime, timedelta

TICK = timedelta(microseconds=1)  # what Postgres can tell apart


def rising(at: datetime, after: datetime) -> datetime:
    """`at`, or just after `after` where a clock stood still or went back."""
    return at if at > after else after + TICK
