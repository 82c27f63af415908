"""The printer writes a job's bytes as they are, once, and can go on where it stopped."""

import os
import struct
import threading

import pytest
from hodei_cli.chunks import Printer, unseen
from hodei_proto.wire.hodei import LogChunk
from hypothesis import given
from hypothesis import strategies as st

ERR, PLATFORM = 1, 4


def chunk(*runs: tuple[int, bytes], first: int = 0, attempt: int = 1, gap: int = 0) -> LogChunk:
    packed, data, lines = b"", b"", 1 if gap else 0
    for flags, each in runs:
        entries = each.count(b"\n") + (not each.endswith(b"\n"))
        packed += struct.pack("<4I", flags, entries, 0, len(each))
        data += each
        lines += entries
    return LogChunk(
        job_id="j", attempt=attempt, first_sequence=first, lines=lines, runs=packed, data=data, gap_bytes=gap
    )


class Captured:
    """A printer over two pipes."""

    def __init__(self) -> None:
        self.out, out = os.pipe()
        self.err, err = os.pipe()
        self.ends = (out, err)
        self.printer = Printer(out, err)

    def read(self) -> tuple[bytes, bytes]:
        for end in self.ends:
            os.close(end)
        with open(self.out, "rb") as out, open(self.err, "rb") as err:
            return out.read(), err.read()


@pytest.fixture
def captured() -> Captured:
    return Captured()


def test_each_stream_gets_its_own_bytes(captured: Captured) -> None:
    captured.printer.write(chunk((0, b"one\n"), (ERR, b"oops\n"), (0, b"\xff\x00 no end")))
    assert captured.read() == (b"one\n\xff\x00 no end", b"oops\n")


def test_a_chunk_that_comes_again_is_not_written_again(captured: Captured) -> None:
    first = chunk((0, b"a\nb\n"))
    captured.printer.write(first)
    captured.printer.write(first)
    captured.printer.write(chunk((0, b"b\nc\n"), first=1))
    assert captured.read() == (b"a\nb\nc\n", b"")


def test_it_says_from_where_to_go_on(captured: Captured) -> None:
    assert captured.printer.since_sequence == 0
    captured.printer.write(chunk((0, b"a\nb\n")))
    assert captured.printer.since_sequence == 2
    captured.printer.write(chunk((0, b"a\n"), attempt=3))
    assert captured.printer.since_sequence == 2 * 2**40 + 1


def test_a_lost_piece_is_seen(captured: Captured) -> None:
    captured.printer.write(chunk((0, b"after\n"), gap=17))
    assert captured.read() == (b"after\n", b"hodei: 17 bytes of output were lost here\n")


def test_a_further_attempt_is_announced_and_written_from_its_start(captured: Captured) -> None:
    captured.printer.write(chunk((0, b"first\n")))
    captured.printer.write(chunk((0, b"second\n"), attempt=2))
    captured.printer.write(chunk((0, b"late\n"), first=1, attempt=1))
    assert captured.read() == (b"first\nsecond\n", b"hodei: attempt 2\n")


def test_what_the_platform_wrote_is_not_mixed_with_the_jobs_own_output(captured: Captured) -> None:
    captured.printer.write(chunk((PLATFORM, b"pulling alpine\n"), (0, b"hi\n")))
    assert captured.read() == (b"hi\n", b"")


def test_a_reader_who_left_is_noticed() -> None:
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError):
        Printer(write).write(chunk((0, b"a\n")))
    os.close(write)


def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    data = b"x" * 300_000 + b"\n"
    got = bytearray()
    with open(read, "rb") as pipe:
        reader = threading.Thread(target=lambda: got.extend(pipe.read()))
        reader.start()
        Printer(write).write(chunk((0, data)))
        os.close(write)
        reader.join()
    assert bytes(got) == data


@given(st.lists(st.binary(min_size=1, max_size=6), max_size=6), st.integers(-1, 20))
def test_skipping_entries_leaves_the_rest(pieces: list[bytes], seen: int) -> None:
    entries = [line for piece in pieces for line in _entries(piece)]
    rest = b"".join(piece.data for piece in unseen(chunk(*((0, each) for each in pieces)), seen))
    assert rest == b"".join(entries[max(seen, 0) :])


def _entries(data: bytes) -> list[bytes]:
    """Written without split(): one byte after the other."""
    found, line = [], b""
    for number in data:
        line += bytes([number])
        if number == 10:
            found.append(line)
            line = b""
    return [*found, line] if line else found
