"""What an agent had kept on its disk for the control plane when it died.

The format is the agent's (hodei_worker.records): a row of records, each a frame and a body that begins with
the attempt it is about. A job runs as the same user and may have been at the files: nothing is followed,
nothing is waited for, and reading ends at the first thing that is not as an agent writes it.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from struct import Struct, error
from typing import Any
from zlib import crc32

from hodei_domain.jobs.result import JobResult
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId, parse_job_id
from hodei_domain.logs.chunk import LogChunk, check_chunk
from hodei_domain.providers.records import LeftEnd

LARGEST_FILE = 32 * 1024 * 1024  # an agent begins a new one after 4 MiB
MIB = 1024 * 1024
TEXT = 4096  # characters of a reason or a message
OUTPUT, END = 1, 2

_FRAME = Struct("<IIB")  # length of the body, its CRC-32, kind
_KEY = Struct("<IH")  # attempt, length of the job's id, which follows
_CHUNK = Struct("<QIQQQI")  # sequence, entries, offset, microseconds, lost bytes, length of the runs
_FOLLOW_NOTHING = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = _FOLLOW_NOTHING | os.O_DIRECTORY
_FILE = _FOLLOW_NOTHING | os.O_NONBLOCK

Left = LogChunk | LeftEnd


def read(scratch: Path) -> Iterator[list[Left]]:
    """What agents left below their scratch directory, one list for each file, oldest first.

    Blocks for a file at a time.
    """
    for place in sorted(scratch.glob("agent-*")):
        with suppress(OSError):
            yield from _read_agent(place)


def _read_agent(place: Path) -> Iterator[list[Left]]:
    agent = os.open(place, _DIRECTORY)
    try:
        spool = os.open("spool", _DIRECTORY, dir_fd=agent)
    finally:
        os.close(agent)
    try:
        for name in sorted(each for each in os.listdir(spool) if each.isdecimal()):
            found, whole = parse(_contents(name, spool))
            yield found
            if not whole:
                return
    finally:
        os.close(spool)


def _contents(name: str, directory: int) -> bytes:
    handle = os.open(name, _FILE, dir_fd=directory)
    with open(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.getuid():
            raise OSError(f"{name} is no file of ours")
        return file.read(LARGEST_FILE)


def parse(contents: bytes) -> tuple[list[Left], bool]:
    """The records of one file up to the first that is not whole; and whether that was the end of the file."""
    found: list[Left] = []
    rest = memoryview(contents)
    try:
        while rest:
            length, checksum, kind = _FRAME.unpack_from(rest)
            body = rest[_FRAME.size : _FRAME.size + length]
            if len(body) != length or crc32(body) != checksum:
                return found, False
            left = _record(kind, body)
            if left is not None:
                found.append(left)
            rest = rest[_FRAME.size + length :]
    except (error, ValueError, TypeError, KeyError, InvalidInput):
        return found, False
    return found, True


def _record(kind: int, body: memoryview) -> Left | None:
    attempt, size = _KEY.unpack_from(body)
    at = _KEY.size + size
    job_id = parse_job_id(str(body[_KEY.size : at], "utf-8"), "job_id")
    if kind == OUTPUT:
        return _chunk(job_id, attempt, body[at:])
    return _end(job_id, attempt, json.loads(bytes(body[at:]))) if kind == END else None


def _chunk(job_id: JobId, attempt: int, body: memoryview) -> LogChunk:
    sequence, lines, offset, time_us, gap, size = _CHUNK.unpack_from(body)
    data = _CHUNK.size + size
    chunk = LogChunk(
        job_id=job_id,
        attempt=attempt,
        first_sequence=sequence,
        lines=lines,
        first_offset=offset,
        base_time_us=time_us,
        runs=bytes(body[_CHUNK.size : data]),
        data=bytes(body[data:]),
        gap_bytes=gap,
    )
    check_chunk(chunk)
    return chunk


def _end(job_id: JobId, attempt: int, told: dict[str, Any]) -> LeftEnd:
    exit_code, signal, started = int(told["exit_code"]), int(told["signal"]), bool(told["started"])
    peak = int(told["peak_memory_bytes"])
    result = JobResult(
        reason=str(told["reason"])[:TEXT],
        exit_code=exit_code if signal == 0 and exit_code >= 0 else None,
        signal=signal or None,
        message=str(told["message"])[:TEXT],
        cpu_seconds=float(told["cpu_seconds"]) if started else None,
        peak_memory_mib=-(-peak // MIB) if peak else None,
    )
    return LeftEnd(
        job_id=job_id,
        attempt=attempt,
        result=result,
        next_sequence=int(told["next_sequence"]),
        started=started,
    )
