"""Percentiles, bars, tables and JSON of the reports."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import (
    Report,
    Role,
    Row,
    Summary,
    as_json,
    at_least,
    at_most,
    percentile,
    print_report,
    shown,
)

SAMPLES = st.lists(st.floats(0, 1e6), min_size=1, max_size=300)


@given(SAMPLES, st.sampled_from((0.5, 0.95, 0.99)))
def test_a_percentile_is_the_first_sample_that_enough_others_do_not_exceed(
    samples: list[float], part: float
) -> None:
    found = percentile(sorted(samples), part)
    assert sum(each <= found for each in samples) >= part * len(samples)
    assert sum(each < found for each in samples) < part * len(samples)


def test_a_tail_is_not_told_from_too_few_samples() -> None:
    assert Summary.of(range(19)).p95 is None
    assert Summary.of(range(20)).p95 == 18
    assert Summary.of(range(99)).p99 is None
    assert Summary.of(range(100)).p99 == 98


def test_nothing_measured_is_an_error_and_not_a_zero() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Summary.of([])


def row(*samples: float) -> Row:
    return Row(what="submission", unit="ms", samples=samples, bars=(at_most("p50", 3), at_most("p95", 15)))


def test_a_missed_bar_is_named_with_what_was_found() -> None:
    report = Report(name="f1", title="submit", setup={}, rows=(row(4.0), row(2.0)))
    assert report.missed == ("submission: p50 ≤ 3 ms, found 4",)


def test_a_bar_on_a_tail_that_nobody_knows_is_neither_met_nor_missed() -> None:
    assert [met for _, met in row(2.0).verdicts] == [True, None]


def test_a_rate_has_to_reach_its_bar() -> None:
    bar = at_least("p50", 300)
    assert bar.verdict(Summary.of([299.0])) is False
    assert bar.verdict(Summary.of([300.0])) is True


def test_the_table_shows_figure_bar_and_role_beside_the_set_up() -> None:
    peer = Row(what="submission: other", unit="ms", samples=(1.25,), role=Role.PEER)
    out = io.StringIO()
    setup = {"memory": "4 GiB"}
    print_report(Report(name="f1", title="submit", setup=setup, rows=(row(4.0), peer), notes=("n",)), out)
    lines = out.getvalue().splitlines()
    assert "  memory  4 GiB" in lines
    assert any(each.startswith("hodei  submission") and "p50 ≤ 3 MISSED" in each for each in lines)
    assert any(each.startswith("peer   submission: other") and "1.25" in each for each in lines)


def test_json_carries_summaries_and_verdicts() -> None:
    text = as_json(Report(name="f1", title="submit", setup={"a": "b"}, rows=(row(4.0),)))
    found = json.loads(text)
    assert found["setup"] == {"a": "b"}
    assert found["rows"][0]["p50"] == 4.0
    assert [each["met"] for each in found["rows"][0]["bars"]] == [False, None]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0"), (0.123456, "0.123"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_numbers_are_shown_with_the_digits_that_matter(value: float | None, text: str) -> None:
    assert shown(value) == text
