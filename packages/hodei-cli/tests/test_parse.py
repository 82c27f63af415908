"""Durations, sizes and pairs as people write them."""

from datetime import timedelta

import pytest
from hodei_cli.parse import duration, env_file, pair, size

S = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2s", 2 * S),
        ("5m", 300 * S),
        ("1h30m", 5400 * S),
        ("250ms", S / 4),
        ("1.5s", 1.5 * S),
        ("7", 7 * S),
        ("1D", 86400 * S),
    ],
)
def test_durations_are_read_as_they_are_written(text: str, value: timedelta) -> None:
    assert duration(text) == value


@pytest.mark.parametrize("text", ["", "soon", "5 minutes", "-1s", "0", "0s", "1s2", "9" * 30, "m", "1h-3m"])
def test_what_is_no_duration_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|more than 0|longer"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("512", 512 * 2**20),
        ("512Mi", 512 * 2**20),
        ("2G", 2 * 10**9),
        ("1.5GiB", 3 * 2**29),
        ("10kb", 10_000),
    ],
)
def test_sizes_are_bytes_and_a_bare_number_is_mebibytes(text: str, bytes_: int) -> None:
    assert size(text) == bytes_


@pytest.mark.parametrize("text", ["", "much", "-5", "0", "5X", "5 apples"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|more than 0"):
        size(text)


def test_a_pairs_value_may_hold_equals_signs_and_may_be_empty() -> None:
    assert pair("A=b=c") == ("A", "b=c")
    assert pair("A=") == ("A", "")


@pytest.mark.parametrize("text", ["A", "=b", ""])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="NAME=VALUE"):
        pair(text)


def test_an_env_file_may_have_comments_quotes_and_exports() -> None:
    text = "# what it is\n\nexport A=1\nB = 'two words'\nC=\"x\"\nD=\nE=a#b\nF='\n"
    assert env_file(text) == {"A": "1", "B": "two words", "C": "x", "D": "", "E": "a#b", "F": "'"}


def test_an_env_file_names_its_wrong_line() -> None:
    with pytest.raises(ValueError, match="line 2"):
        env_file("A=1\nnonsense\n")
