"""Figures: samples, their percentiles, the bar they are held to, a table for people and JSON for machines."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TextIO

from attrs import asdict, field, frozen

# With fewer samples a tail percentile is only another name for the maximum.
ENOUGH_FOR_P95 = 20
ENOUGH_FOR_P99 = 100


class Role(StrEnum):
    """Whose figure it is: the platform's, a peer's in the same run, or what the machine can do at best."""

    OURS = "hodei"
    PEER = "peer"
    LIMIT = "limit"


@frozen
class Summary:
    """Percentiles of some samples by nearest rank; a tail that the samples cannot tell is None."""

    count: int
    least: float
    p50: float
    p95: float | None
    p99: float | None
    most: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Summary:
        """Raise ValueError without samples."""
        if not samples:
            raise ValueError("no samples: nothing was measured")
        ordered = sorted(samples)
        count = len(ordered)
        return cls(
            count=count,
            least=ordered[0],
            p50=percentile(ordered, 0.50),
            p95=percentile(ordered, 0.95) if count >= ENOUGH_FOR_P95 else None,
            p99=percentile(ordered, 0.99) if count >= ENOUGH_FOR_P99 else None,
            most=ordered[-1],
        )


def percentile(ordered: Sequence[float], part: float) -> float:
    """The smallest of the `ordered` samples that at least `part` (0..1] of them do not exceed."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


@frozen
class Bar:
    """What the specification asks of one value of a summary."""

    value: str  # least, p50, p95, p99, most
    limit: float
    at_most: bool = True

    def verdict(self, summary: Summary) -> bool | None:
        """Whether the figure is good enough; None if there are too few samples to say."""
        found = getattr(summary, self.value)
        if found is None:
            return None
        return bool(found <= self.limit if self.at_most else found >= self.limit)

    def __str__(self) -> str:
        return f"{self.value} {'≤' if self.at_most else '≥'} {shown(self.limit)}"


def at_most(value: str, limit: float) -> Bar:
    """A bar for times and costs."""
    return Bar(value, limit)


def at_least(value: str, limit: float) -> Bar:
    """A bar for rates."""
    return Bar(value, limit, at_most=False)


@frozen(kw_only=True)
class Row:
    """One figure. `samples` are single times, or one rate for each repeat."""

    what: str
    unit: str
    samples: tuple[float, ...] = field(repr=False)
    role: Role = Role.OURS
    bars: tuple[Bar, ...] = ()

    @property
    def summary(self) -> Summary:
        return Summary.of(self.samples)

    @property
    def verdicts(self) -> tuple[tuple[Bar, bool | None], ...]:
        return tuple((bar, bar.verdict(self.summary)) for bar in self.bars)


@frozen(kw_only=True)
class Report:
    """What one benchmark found."""

    name: str
    title: str
    setup: Mapping[str, str]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[str, ...]:
        """The bars that were not met, in words."""
        return tuple(
            f"{row.what}: {bar} {row.unit}, found {shown(getattr(row.summary, bar.value))}"
            for row in self.rows
            for bar, met in row.verdicts
            if met is False
        )


def as_json(report: Report) -> str:
    """The report with its summaries; the samples stay out, they may be many."""
    rows = [
        {
            "what": row.what,
            "role": row.role,
            "unit": row.unit,
            **asdict(row.summary),
            "bars": [{**asdict(bar), "met": met} for bar, met in row.verdicts],
        }
        for row in report.rows
    ]
    whole: dict[str, Any] = {"name": report.name, "title": report.title, "setup": dict(report.setup)}
    return json.dumps({**whole, "rows": rows, "notes": report.notes}, indent=2, ensure_ascii=False)


def print_report(report: Report, out: TextIO | None = None) -> None:
    """Write the set-up, the table, and which bars were met."""
    out = out or sys.stdout
    print(f"\n{report.name}: {report.title}", file=out)
    width = max(map(len, report.setup), default=0)
    for key, value in report.setup.items():
        print(f"  {key:<{width}}  {value}", file=out)
    print(file=out)
    for line in table([_cells(row) for row in report.rows]):
        print(line, file=out)
    for note in report.notes:
        print(f"  {note}", file=out)
    out.flush()


HEAD = ("", "figure", "unit", "n", "min", "p50", "p95", "p99", "max", "bar")


def _cells(row: Row) -> tuple[str, ...]:
    summary = row.summary
    values = (summary.least, summary.p50, summary.p95, summary.p99, summary.most)
    words = {True: "met", False: "MISSED", None: "too few samples"}
    bars = "; ".join(f"{bar} {words[met]}" for bar, met in row.verdicts)
    return (row.role, row.what, row.unit, str(summary.count), *map(shown, values), bars)


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = HEAD) -> list[str]:
    """Lines with columns as wide as what is in them; numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    words = 3  # the first columns and the last hold words

    def line(cells: Sequence[str]) -> str:
        last = len(cells) - 1
        return "  ".join(
            cell.ljust(width) if i < words or i == last else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()

    return [line(head), line(["-" * width for width in widths]), *map(line, rows)]


def shown(value: float | None) -> str:
    """Three digits that matter, thousands parted by commas."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"
