"""How large a job may be."""

import pytest
from hodei_domain.jobs.order import LARGEST_MESSAGE, LARGEST_ORDER, MIB, check_order, newest_that_fit
from hodei_domain.jobs.spec import JobSpec, Script, Shell
from hodei_domain.kernel.errors import InvalidInput


def script(size: int, **fields: object) -> JobSpec:
    return JobSpec(command=Script("sh", "#" * size), **fields)  # type: ignore[arg-type]


def test_what_fits_alone_may_be_too_large_together() -> None:
    check_order(script(9 * MIB))
    check_order(JobSpec(command=Shell("cat"), stdin="x" * 9 * MIB))
    with pytest.raises(
        InvalidInput, match=r"18\.00 MiB long \(script 9\.00 MiB, stdin 9\.00 MiB\).*15\.00"
    ) as refused:
        check_order(script(9 * MIB, stdin="x" * 9 * MIB))
    assert refused.value.field == "script"


def test_the_limit_counts_bytes_and_not_characters() -> None:
    with pytest.raises(InvalidInput, match="stdin") as refused:
        check_order(JobSpec(command=Shell("cat"), stdin="ñ" * 8 * MIB))
    assert refused.value.field == "stdin"


def test_the_limit_leaves_room_for_what_the_platform_adds() -> None:
    assert LARGEST_ORDER < LARGEST_MESSAGE
    check_order(script(LARGEST_ORDER - 4096))
    with pytest.raises(InvalidInput, match="script"):
        check_order(script(LARGEST_ORDER))


def test_many_small_entries_count_with_what_stands_around_them() -> None:
    environment = {f"V{number}": "" for number in range(100_000)}
    with pytest.raises(InvalidInput, match="environment"):
        check_order(script(14 * MIB, environment=environment))


def test_of_what_does_not_fit_the_first_are_kept() -> None:
    assert newest_that_fit([10, 10, 10], room=25) == 2
    assert newest_that_fit([], room=25) == 0
