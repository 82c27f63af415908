from attrs import evolve
from hodei_domain.logs.chunk import LogChunk, drop_front
from hodei_domain.logs.place import Duplicate, Fresh, Gap, Trimmed, place
from hodei_domain.logs.ports import LogEnd
from hodei_domain.testing.contracts.logs import chunk_after
from hodei_domain.testing.making import new_job_id


def chunk(first: int = 5, offset: int = 50) -> LogChunk:
    return chunk_after(LogEnd(first, offset), new_job_id(), b"a\n", b"bb\nccc\n")


def test_what_follows_is_fresh() -> None:
    following = chunk()
    assert place(5, 50, following) == Fresh(following)


def test_what_is_stored_already_is_a_duplicate() -> None:
    assert place(8, 59, chunk()) == Duplicate()
    assert place(99, 999, chunk()) == Duplicate()


def test_an_overlap_is_trimmed_to_what_is_new() -> None:
    wide = chunk()
    found = place(6, 52, wide)
    assert found == Trimmed(drop_front(wide, 1))
    assert isinstance(found, Trimmed)
    assert found.chunk.data == b"bb\nccc\n"


def test_what_comes_too_early_is_a_gap() -> None:
    assert place(4, 40, chunk()) == Gap(4)


def test_bytes_that_do_not_fit_are_a_gap_too() -> None:
    assert place(5, 51, chunk()) == Gap(5)
    assert place(6, 51, chunk()) == Gap(6)


def test_nothing_is_a_duplicate() -> None:
    empty = evolve(chunk(), lines=0, runs=b"", data=b"")
    assert place(5, 50, empty) == Duplicate()


def test_a_missing_marker_of_lost_output_is_a_gap_though_no_byte_is_missing() -> None:
    """A marker counts one entry and no bytes: the sequence tells, the offset does not."""
    assert place(4, 50, chunk(first=5, offset=50)) == Gap(4)
