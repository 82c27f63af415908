"""docs/reference/metrics.md: what Prometheus reads, from the instruments themselves, and the graphs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from hodei_application.metrics.instruments import Counter, Gauge, Histogram, Instrument
from hodei_application.metrics.replica import Instruments
from hodei_domain.metrics.series import GRAPHS
from hodei_domain.metrics.tally import FOLDS
from hodei_domain.metrics.usage import FOLDS as USAGE_FOLDS

from reference.markdown import code, table

KINDS: dict[type[Instrument], str] = {Counter: "counter", Histogram: "histogram", Gauge: "gauge"}


def page() -> str:
    """The page."""
    return f"""\
# Metrics

How to use them is in [Monitor an installation](../how-to/monitor.md).

## Prometheus

Each server tells these at its port for metrics. Counters and histograms are of this server alone and begin at
zero with it; gauges that say so are of the whole database, the same from each server. Durations are seconds,
sizes bytes. Beside them the client library tells memory, processor time and open files of the process
(`process_…`), and `hodei_build_info` the version.

{table(["Name", "Kind", "Labels", "Meaning"], _instruments())}

## Failed jobs

A number of failed jobs counts those that ended as `FAILED` or as `TIMEOUT`, wherever one is told: in the
overview, the metrics, the queue's status. Jobs that somebody cancelled count neither as failed nor for the
success rate. The queue's status and the overview count the jobs that are kept; metrics count those that ended
within their time. Where a state is named by itself, as in a list or in the label `state`, it is that
state alone.

## Graphs

What `GET /api/v1/metrics/series` draws. A name without a unit is a count for each step; times have their mean
and three percentiles.

{table(["Name", "By"], ([code(name), _by(name)] for name in GRAPHS))}

## What is kept

How many jobs there were and how long they took is kept by the minute; after {_age(FOLDS[0][2])} by five
minutes, after {_age(FOLDS[1][2])} by the hour. What jobs used is kept as it came; after
{_age(USAGE_FOLDS[0][2])} as means of a minute with the highest value, after
{_age(USAGE_FOLDS[1][2])} of ten minutes.
[Settings](settings.md) say when it goes.
"""


def _instruments() -> Iterator[list[str]]:
    for each in Instruments():
        yield [code(each.name), KINDS[type(each)], ", ".join(map(code, each.labels)), each.help]


def _by(name: str) -> str:
    if name == "jobs.submitted":
        return ""
    ended = name.startswith(("jobs.finished", "jobs.run", "jobs.total"))
    return "`provider`, `state`" if ended else "`provider`"


def _age(age: timedelta) -> str:
    hours = age // timedelta(hours=1)
    return "an hour" if hours == 1 else f"{hours} hours"
