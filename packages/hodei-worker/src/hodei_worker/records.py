"""What waits for the server, as it lies on disk. Pure.

A file is a row of records: a frame (length of the body, its CRC-32, kind; little-endian) and the body. Every
body begins with the attempt it is about, so that each record can be read alone. Output is packed numbers and
bytes, an end is JSON. Whoever reads a file stops at the first record that is not whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from struct import Struct, error
from zlib import crc32

from hodei_worker.chunk import Chunk
from hodei_worker.order import Key

OUTPUT, END = 1, 2

FRAME = Struct("<IIB")  # length of the body, its CRC-32, kind
_KEY = Struct("<IH")  # attempt, length of the job's id, which follows
_CHUNK = Struct("<QIQQQI")  # sequence, entries, offset, microseconds, lost bytes, length of the runs


class BrokenRecord(ValueError):
    """These bytes are not what was written."""


def pack_chunk(key: Key, chunk: Chunk) -> bytes:
    """A stretch of output."""
    numbers = _CHUNK.pack(
        chunk.first_sequence,
        chunk.lines,
        chunk.first_offset,
        chunk.base_time_us,
        chunk.gap_bytes,
        len(chunk.runs),
    )
    return _frame(OUTPUT, _name(key), numbers, chunk.runs, chunk.data)


def pack_end(key: Key, end: Mapping[str, object]) -> bytes:
    """How the attempt ended."""
    return _frame(END, _name(key), json.dumps(end).encode())


def unpack_chunk(record: bytes) -> Chunk:
    """Back from `pack_chunk`. Raise BrokenRecord."""
    try:
        length, checksum, kind = FRAME.unpack_from(record)
        body = memoryview(record)[FRAME.size :]
        if kind != OUTPUT or len(body) != length or crc32(body) != checksum:
            raise BrokenRecord("the spool was changed by somebody else")
        _, name = _KEY.unpack_from(body)
        at = _KEY.size + name
        sequence, lines, offset, time_us, gap, runs = _CHUNK.unpack_from(body, at)
    except error as e:
        raise BrokenRecord(f"the spool was changed by somebody else: {e}") from e
    at += _CHUNK.size
    return Chunk(
        first_sequence=sequence,
        lines=lines,
        first_offset=offset,
        base_time_us=time_us,
        runs=bytes(body[at : at + runs]),
        data=bytes(body[at + runs :]),
        gap_bytes=gap,
    )


def _name(key: Key) -> bytes:
    job_id = key.job_id.encode()
    return _KEY.pack(key.attempt, len(job_id)) + job_id


def _frame(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return FRAME.pack(len(body), crc32(body), kind) + body
