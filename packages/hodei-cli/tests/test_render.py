"""Tables for people, JSON and YAML for programs."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hodei_cli.render import dumped, show_list, show_one
from hodei_cli.tables import Column, cut, len_shown, printable, span, table

COLUMNS = [Column("id", "ID"), Column("name", "NAME", elastic=True), Column("n", "COUNT")]
ROWS = [{"id": "1", "name": "first", "n": 3}, {"id": "22", "name": "日本", "n": None}]


def test_columns_stand_under_their_titles() -> None:
    assert table(ROWS, COLUMNS, None) == ["ID  NAME   COUNT", "1   first  3", "22  日本"]


def test_a_wide_table_is_cut_where_it_may_be() -> None:
    rows = [{"id": "1", "name": "n" * 100, "n": 1}]
    lines = table(rows, COLUMNS, 40)
    assert all(len_shown(line) <= 40 for line in lines)
    assert "…" in lines[1]
    assert lines[1].endswith("1")


def test_nothing_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([], COLUMNS, "table", "No jobs yet.")
    assert capsys.readouterr().out == "No jobs yet.\n"


def test_nothing_is_an_empty_list_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([], COLUMNS, "json", "No jobs yet.")
    assert json.loads(capsys.readouterr().out) == []


def test_times_are_iso_in_utc_for_programs() -> None:
    at = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    assert json.loads(dumped({"at": at, "took": timedelta(seconds=1.5)}, "json")) == {
        "at": "2026-05-01T12:30:00+00:00",
        "took": 1.5,
    }
    assert (
        dumped({"at": at, "list": [timedelta(seconds=2)]}, "yaml")
        == "at: '2026-05-01T12:30:00+00:00'\nlist:\n- 2.0"
    )


def test_one_record_is_shown_without_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    show_one({"id": "1", "exit_code": 0, "reason": "", "env": {"A": "1", "B": "2"}, "none": None}, "table")
    assert capsys.readouterr().out == "id:        1\nexit code: 0\nenv:       A=1\n           B=2\n"


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([{"id": "\x1b[2J", "name": "a\nb", "n": 1}], COLUMNS, "table", "")
    assert "\x1b" not in capsys.readouterr().out
    assert printable("a\tb\x07") == "a\\tb\\x07"


def test_a_cut_text_fits_wide_characters_too() -> None:
    assert cut("日本語", 5) == "日本…"
    assert cut("abc", 3) == "abc"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.44, "0.4s"), (12.9, "12s"), (185, "3m05s"), (7800, "2h10m"), (273_600, "3d4h")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text
