"""What a dead agent left on its disk, read with the agent's own writer on the other side."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hodei_domain.jobs.result import JobResult
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import LogChunk, Run, pack_runs
from hodei_domain.providers.records import LeftEnd
from hodei_infrastructure.process import spools
from hodei_worker.chunk import Chunk
from hodei_worker.journal import Journal, Shelf
from hodei_worker.order import Key
from hodei_worker.scratch import Scratch
from hodei_worker.spool import Spool

JOB = JobId(UUID(int=7))
ENDED = {
    "reason": "exit",
    "exit_code": 3,
    "signal": 0,
    "message": "exit code 3",
    "started": True,
    "next_sequence": 3,
    "cpu_seconds": 0.5,
    "peak_memory_bytes": 5 << 20,
}


def chunk(number: int) -> Chunk:
    data = b"line %d\n" % number
    return Chunk(
        first_sequence=number,
        lines=1,
        first_offset=7 * number,
        base_time_us=1_700_000_000_000_000,
        runs=pack_runs([Run(0, 1, 0, len(data))]),
        data=data,
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes as an agent does, which then dies; its scratch directory."""

    def write(count: int = 3, attempt: int = 1) -> Path:
        scratch = Scratch(tmp_path / "scratch")
        spool = Spool(journal=Journal(Shelf(scratch)))
        spool.key = Key(str(JOB), attempt)
        for number in range(count):
            spool.append(chunk(number))
        assert spool.save_end(ENDED)
        spool.discard(keep=True)
        scratch.close(keep_spool=True)
        return tmp_path / "scratch"

    return write


def read(scratch: Path) -> list[LogChunk | LeftEnd]:
    return [each for found in spools.read(scratch) for each in found]


def test_what_the_agent_wrote_is_read(write: Callable[..., Path]) -> None:
    *chunks, end = read(write())
    assert [each.data for each in chunks if isinstance(each, LogChunk)] == [
        b"line 0\n",
        b"line 1\n",
        b"line 2\n",
    ]
    assert end == LeftEnd(
        job_id=JOB,
        attempt=1,
        result=JobResult(
            reason="exit", exit_code=3, message="exit code 3", cpu_seconds=0.5, peak_memory_mib=5
        ),
        next_sequence=3,
    )


def test_files_are_read_in_their_order(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hodei_worker.journal.SEGMENT_BYTES", 300)
    scratch = write(count=50)
    assert len(list(scratch.glob("agent-*/spool/*"))) > 5
    numbers = [each.first_sequence for each in read(scratch) if isinstance(each, LogChunk)]
    assert numbers == list(range(50))


def test_half_a_record_at_the_end_is_passed_over(write: Callable[..., Path]) -> None:
    scratch = write()
    [file] = scratch.glob("agent-*/spool/*")
    whole = len(read(scratch))
    os.truncate(file, file.stat().st_size - 5)
    assert len(read(scratch)) == whole - 1


def test_nothing_is_followed_and_nothing_is_waited_for(write: Callable[..., Path], tmp_path: Path) -> None:
    scratch = write()
    [file] = scratch.glob("agent-*/spool/*")
    secret = tmp_path / "secret"
    secret.write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(secret)
    assert read(scratch) == []
    file.unlink()
    os.mkfifo(file)
    assert read(scratch) == []
    spool = file.parent
    file.unlink()
    spool.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "000000001").write_bytes(secret.read_bytes())
    spool.symlink_to(tmp_path / "elsewhere")
    assert read(scratch) == []


def test_a_directory_without_agents_has_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    assert read(tmp_path / "missing") == []


def test_whatever_a_job_has_made_of_it_is_read_without_a_fault(write: Callable[..., Path]) -> None:
    scratch = write()
    [file] = scratch.glob("agent-*/spool/*")
    whole = file.read_bytes()
    wild = random.Random(1)
    for _ in range(500):
        spoiled = bytearray(whole)
        for _ in range(wild.randrange(1, 4)):
            spoiled[wild.randrange(len(spoiled))] = wild.randrange(256)
        found, _ = spools.parse(bytes(spoiled[: wild.randrange(len(spoiled) + 1)]))
        assert len(found) <= 4


def test_a_forged_record_with_a_right_checksum_is_checked_all_the_same() -> None:
    from hodei_worker.records import pack_chunk, pack_end

    lying = Chunk(first_sequence=0, lines=9, first_offset=0, base_time_us=0, runs=b"", data=b"x")
    assert spools.parse(pack_chunk(Key(str(JOB), 1), lying)) == ([], False)
    assert spools.parse(pack_chunk(Key("../../etc", 1), chunk(0))) == ([], False)
    assert spools.parse(pack_end(Key(str(JOB), 1), {"reason": "exit"})) == ([], False)
    assert spools.parse(pack_end(Key(str(JOB), 1), {**ENDED, "exit_code": "many"})) == ([], False)
