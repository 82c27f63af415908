"""References: which of them may be parts of an id."""

from __future__ import annotations

from uuid import UUID

import pytest
from hodei_domain.jobs.reference import JobReference
from hodei_domain.kernel.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st

ID = UUID("0192f3c4-1a5b-7c3d-8e9f-0a1b2c3d4e5f")


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        (str(ID).upper(), ID.hex),
        ("2C3D-4e5f", "2c3d4e5f"),
        ("beef", "beef"),
        ("abc", ""),
        ("nightly", ""),
        ("a" * 33, ""),
        ("----", ""),
    ],
)
def test_digits_of_an_id_are_told_from_other_texts(text: str, digits: str) -> None:
    assert JobReference(text).digits == digits


@given(st.uuids(), st.integers(4, 32))
def test_the_span_holds_exactly_the_ids_that_begin_so(id: UUID, length: int) -> None:
    lowest, highest = JobReference(id.hex[:length]).span
    assert lowest <= id <= highest
    assert lowest.hex[:length] == highest.hex[:length] == id.hex[:length]
    assert highest.int - lowest.int == 16 ** (32 - length) - 1


@pytest.mark.parametrize("text", ["", "x" * 257])
def test_what_can_be_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="reference"):
        JobReference(text)
