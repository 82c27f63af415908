from datetime import timedelta

import pytest
from hodei_domain.kernel.checks import check_labels, check_text, check_texts
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.providers.capabilities import Capabilities


@pytest.mark.parametrize("bad", ["a\0b", "\ud800", "x" * 11, 5, None, b"bytes"])
def test_a_text_that_no_store_can_carry_is_refused(bad: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_text(bad, "note", 10)
    assert caught.value.field == "note"


@pytest.mark.parametrize("good", ["", "x" * 10, "ñandú ☃ 🚀"])
def test_other_texts_are_fine(good: str) -> None:
    check_text(good, "note", 10)


def test_a_list_names_the_entry_that_is_wrong() -> None:
    with pytest.raises(InvalidInput, match=r"tags\[1\]"):
        check_texts(["a", "\0"], "tags", 10, 10)
    with pytest.raises(InvalidInput, match="more than 1"):
        check_texts(["a", "b"], "tags", 10, 1)
    check_texts([], "tags", 10, 0)


def test_labels_have_keys_and_bounds() -> None:
    check_labels({"k": "", "l": "v"}, "labels")
    for labels, text in (
        ({"": "v"}, "empty key"),
        ({"k": "v" * 4097}, "labels.k"),
        ({"k" * 257: ""}, "256 characters"),
        ({str(number): "" for number in range(257)}, "more than 256"),
    ):
        with pytest.raises(InvalidInput, match=text):
            check_labels(labels, "labels")


@pytest.mark.parametrize("bad", [timedelta(0), timedelta(-1), timedelta(days=3661), 60])
def test_durations_have_bounds(bad: timedelta) -> None:
    with pytest.raises(InvalidInput, match="max_execution"):
        Capabilities(max_execution=bad)
