"""A job's output as it comes, for both kinds of streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec
from attrs import frozen
from hodei_application.logs.follow_logs import LogRequest
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId
from hodei_domain.logs.chunk import public_sequence

from hodei_rest.convert.logs import encoded, to_pieces
from hodei_rest.desk import Desk
from hodei_rest.schemas import logs as schema
from hodei_rest.streams import until


@frozen
class Frame:
    """A message: `data` is JSON, `place` (ATTEMPT:SEQUENCE) is where to go on after it, "" for none."""

    name: str
    data: bytes
    place: str = ""


ALIVE = Frame("alive", b'{"type":"alive"}')


def request_of(job_id: JobId, place: str | None, tail: int | None) -> LogRequest:
    """What follows a place, or the last lines and what follows, or all. Raise InvalidInput."""
    since = since_of(place) if place else 0
    return LogRequest(job_id=job_id, since=since, tail=0 if since else tail or 0)


def since_of(place: str) -> int:
    """The public sequence of ATTEMPT:SEQUENCE. Raise InvalidInput."""
    attempt, _, sequence = place.partition(":")
    if not (attempt.isdecimal() and sequence.isdecimal() and len(place) <= 40):
        raise InvalidInput("is not ATTEMPT:SEQUENCE", field="from")
    if int(attempt) < 1 or int(attempt) >= 1 << 22 or int(sequence) >= 1 << 40:
        raise InvalidInput("is not ATTEMPT:SEQUENCE", field="from")
    return public_sequence(int(attempt), int(sequence)) - 1


async def frames(desk: Desk, request: LogRequest) -> AsyncGenerator[Frame, None]:
    """Everything from the place asked for on, the end included; breaks off when the server stops.

    Chunks come as they are stored; whoever reads too slowly gets them from the store, nothing is skipped.
    Raise JobNotFound.
    """
    told = 0
    async for chunk in until(desk.stopping, desk.control.follow_logs(request)):
        if chunk is None:
            yield ALIVE
            continue
        if chunk.attempt != told:
            told = chunk.attempt
            yield Frame("attempt", msgspec.json.encode(schema.LogAttempt(attempt=told)))
        for piece in to_pieces(chunk):
            if isinstance(piece, schema.LogGap):
                yield Frame("gap", msgspec.json.encode(piece), f"{told}:{piece.sequence}")
                continue
            for last, data in encoded(piece):
                yield Frame("lines", data, f"{told}:{last}")
    if not desk.stopping.is_set():
        job = await desk.control.read_job(request.job_id)
        yield Frame("end", msgspec.json.encode(schema.LogEnd(state=job.state.value)))
