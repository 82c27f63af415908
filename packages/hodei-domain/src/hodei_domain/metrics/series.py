"""Graphs: a measure over time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.metrics.summary import times_of
from hodei_domain.metrics.tally import Measure, Sum

Value = Callable[[Sequence[Sum], timedelta], float | None]
"""What a point shows of the sums of its step; None where there is nothing to show."""


def _count(sums: Sequence[Sum], step: timedelta) -> float:
    return sum(each.count for each in sums)


def _per_second(sums: Sequence[Sum], step: timedelta) -> float:
    return sum(each.total for each in sums) / step.total_seconds()


def _time(which: str) -> Value:
    def read(sums: Sequence[Sum], step: timedelta) -> float | None:
        found: float | None = getattr(times_of(sums), which)
        return None if found is None else found * 1000

    return read


@frozen
class Graph:
    """A measure, and how a point of it is read. `zero` is shown where nothing was counted."""

    measure: Measure
    value: Value
    zero: float | None = None


_TIMES = {"mean": _time("mean"), "p50": _time("p50"), "p95": _time("p95"), "p99": _time("p99")}
GRAPHS: Mapping[str, Graph] = {
    "jobs.submitted": Graph(Measure.SUBMITTED, _count, 0.0),
    "jobs.finished": Graph(Measure.FINISHED, _count, 0.0),
    "attempts.started": Graph(Measure.START, _count, 0.0),
    **{
        f"jobs.{name}_ms.{which}": Graph(measure, value)
        for name, measure in (
            ("queue", Measure.QUEUE),
            ("start", Measure.START),
            ("run", Measure.RUN),
            ("total", Measure.FINISHED),
        )
        for which, value in _TIMES.items()
    },
    "usage.cpu_cores": Graph(Measure.CPU, _per_second, 0.0),
    "usage.memory_bytes": Graph(Measure.MEMORY, _per_second, 0.0),
    "workers.busy": Graph(Measure.BUSY, _per_second, 0.0),
}
"""What can be drawn, by name. The unit is in the name; what has none is a count for each step."""

BY = ("", "state", "provider")


def graph_of(name: str) -> Graph:
    """Raises InvalidInput for a name that is none."""
    try:
        return GRAPHS[name]
    except KeyError:
        raise InvalidInput(f"{name!r} is not one of {', '.join(GRAPHS)}", field="name") from None


@frozen(kw_only=True)
class Series:
    """One line of a graph: the beginning of each step, and the value there."""

    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]


def lines_of(
    sums: Iterable[Sum], graph: Graph, since: datetime, until: datetime, step: timedelta, by: str = ""
) -> list[Series]:
    """The lines of a graph, one for each state or provider if asked for; without points where a time has no
    value. Raises InvalidInput.
    """
    if by not in BY:
        raise InvalidInput(f"{by!r} is not one of state, provider", field="by")
    found: dict[str, dict[datetime, list[Sum]]] = {} if by else {"": {}}
    for each in sums:
        label = getattr(each, by) if by else ""
        found.setdefault(label, {}).setdefault(each.at, []).append(each)
    steps = max(1, -(-(until - since) // step))
    times = [since + number * step for number in range(steps)]
    return [
        Series(
            labels={by: label} if by else {},
            points=tuple(
                (at, value)
                for at in times
                if (value := graph.value(by_time[at], step) if at in by_time else graph.zero) is not None
            ),
        )
        for label, by_time in sorted(found.items())
    ]
