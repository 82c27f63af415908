from uuid import UUID

import pytest
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import parse_job_id, parse_provider_id, parse_worker_id, uuid7
from hypothesis import given
from hypothesis import strategies as st

TIMES = st.integers(0, 2**48 - 1)
BITS = st.integers(0, 2**74 - 1)


@given(TIMES, BITS)
def test_a_uuid7_is_what_the_rfc_says(at_ms: int, bits: int) -> None:
    made = uuid7(at_ms, bits)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == at_ms
    binary = f"{made.int:0128b}"
    assert binary[52:64] + binary[66:] == f"{bits:074b}", "every random bit is there"


def test_the_example_of_the_rfc() -> None:
    bits = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    assert str(uuid7(0x017F22E279B0, bits)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(TIMES, TIMES, BITS, BITS)
def test_ids_sort_by_time(earlier: int, later: int, bits: int, others: int) -> None:
    if earlier < later:
        assert uuid7(earlier, bits) < uuid7(later, others)


def test_more_bits_than_there_is_room_for_are_cut_off() -> None:
    assert uuid7(0, 1 << 74) == uuid7(0, 0)


@pytest.mark.parametrize("parse", [parse_job_id, parse_worker_id, parse_provider_id])
def test_an_id_is_read_with_and_without_hyphens(parse: object) -> None:
    assert callable(parse)
    text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert parse(text) == parse(text.replace("-", "")) == parse(text.upper()) == UUID(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "1" * 31,
    ],
)
def test_other_spellings_are_refused_with_the_fields_name(text: str) -> None:
    with pytest.raises(InvalidInput, match="job_id: is not a UUID") as caught:
        parse_job_id(text)
    assert caught.value.field == "job_id"
    with pytest.raises(InvalidInput, match="execution_id"):
        parse_job_id(text, "execution_id")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput):
        parse_job_id(None)  # type: ignore[arg-type]  # a client's mistake
