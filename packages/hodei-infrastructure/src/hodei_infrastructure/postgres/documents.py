"""JSON on its way to and from the database, and the small documents inside rows."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from hodei_domain.jobs.attempt import Attempt, CancelWish, Progress
from hodei_domain.jobs.document import spec_from_json, spec_to_json
from hodei_domain.jobs.result import JobResult
from hodei_domain.jobs.spec import JobSpec
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.ids import WorkerId

_NUL = b"\\u0000"
_LONGEST_KEPT = 16 * 1024  # bytes of a spec that is worth keeping parsed

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def to_json(document: Any) -> bytes:
    """A document as JSON that Postgres takes.

    Postgres has no character NUL. Texts that people gave were checked for it; what a worker says of itself
    or of an end was not, and must not make the result of a job unwritable.
    """
    encoded = _encoder.encode(document)
    return _encoder.encode(_without_nul(_decoder.decode(encoded))) if _NUL in encoded else encoded


def from_json(text: bytes | str) -> Any:
    """Back from JSON."""
    return _decoder.decode(text)


def _without_nul(document: Any) -> Any:
    if isinstance(document, str):
        return document.replace("\0", "\ufffd")
    if isinstance(document, list):
        return [_without_nul(each) for each in document]
    if isinstance(document, dict):
        return {_without_nul(key): _without_nul(value) for key, value in document.items()}
    return document


class SpecTexts:
    """Specs as JSON and back. What was written or read lately is remembered: a running job is read thrice.

    The text is the key, so what is remembered cannot be wrong.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._specs: dict[bytes, JobSpec] = {}

    def write(self, spec: JobSpec) -> bytes:
        """As it is kept."""
        text = to_json(spec_to_json(spec))
        if _NUL not in text:
            self._remember(text, spec)
        return text

    def read(self, text: bytes) -> JobSpec:
        """Back from write()."""
        spec = self._specs.get(text)
        if spec is None:
            spec = spec_from_json(_decoder.decode(text))
            self._remember(text, spec)
        return spec

    def _remember(self, text: bytes, spec: JobSpec) -> None:
        if len(text) > _LONGEST_KEPT:
            return
        if len(self._specs) >= self._most:
            del self._specs[next(iter(self._specs))]  # the oldest
        self._specs[text] = spec


@lru_cache(maxsize=4096)
def read_demand(text: bytes) -> DemandClass:
    """Back from how it is kept: its to_json(). Classes are few and read often."""
    return DemandClass.from_json(_decoder.decode(text))


class _Result(msgspec.Struct, omit_defaults=True):
    reason: str
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""
    cpu_seconds: float | None = None
    peak_memory_mib: int | None = None


class _Attempt(msgspec.Struct, omit_defaults=True):
    number: int
    worker_id: UUID
    assigned_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: _Result | None = None
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    pid: int | None = None
    limits: str = ""
    undelivered: int = 0


class _CancelWish(msgspec.Struct, omit_defaults=True):
    asked_at: datetime
    by: str = ""
    reason: str = ""


class _Progress(msgspec.Struct, omit_defaults=True):
    percentage: int = 0
    stage: str = ""
    message: str = ""


_results = msgspec.json.Decoder(_Result)
_attempts = msgspec.json.Decoder(_Attempt)
_wishes = msgspec.json.Decoder(_CancelWish)
_progresses = msgspec.json.Decoder(_Progress)


def result_document(result: JobResult | None) -> _Result | None:
    """A result, ready for to_json()."""
    if result is None:
        return None
    return _Result(
        str(result.reason),
        result.exit_code,
        result.signal,
        result.message,
        result.cpu_seconds,
        result.peak_memory_mib,
    )


def attempt_document(attempt: Attempt | None) -> _Attempt | None:
    """An attempt, ready for to_json()."""
    if attempt is None:
        return None
    return _Attempt(
        attempt.number,
        attempt.worker_id,
        attempt.assigned_at,
        attempt.started_at,
        attempt.ended_at,
        result_document(attempt.result),
        attempt.decision_score,
        attempt.decision_reasons,
        attempt.pid,
        attempt.limits,
        attempt.undelivered,
    )


def wish_document(wish: CancelWish | None) -> _CancelWish | None:
    """A cancel wish, ready for to_json()."""
    return None if wish is None else _CancelWish(wish.asked_at, wish.by, wish.reason)


def progress_document(progress: Progress | None) -> _Progress | None:
    """Progress, ready for to_json()."""
    return None if progress is None else _Progress(progress.percentage, progress.stage, progress.message)


def read_result(text: bytes | None) -> JobResult | None:
    """Back from result_document()."""
    return None if text is None else _result(_results.decode(text))


def read_attempt(text: bytes | None) -> Attempt | None:
    """Back from attempt_document()."""
    if text is None:
        return None
    kept = _attempts.decode(text)
    return Attempt(
        number=kept.number,
        worker_id=WorkerId(kept.worker_id),
        assigned_at=kept.assigned_at,
        started_at=kept.started_at,
        ended_at=kept.ended_at,
        result=None if kept.result is None else _result(kept.result),
        decision_score=kept.score,
        decision_reasons=kept.reasons,
        pid=kept.pid,
        limits=kept.limits,
        undelivered=kept.undelivered,
    )


def read_wish(text: bytes | None) -> CancelWish | None:
    """Back from wish_document()."""
    if text is None:
        return None
    kept = _wishes.decode(text)
    return CancelWish(asked_at=kept.asked_at, by=kept.by, reason=kept.reason)


def read_progress(text: bytes | None) -> Progress | None:
    """Back from progress_document()."""
    if text is None:
        return None
    kept = _progresses.decode(text)
    return Progress(percentage=kept.percentage, stage=kept.stage, message=kept.message)


def _result(kept: _Result) -> JobResult:
    return JobResult(
        reason=kept.reason,
        exit_code=kept.exit_code,
        signal=kept.signal,
        message=kept.message,
        cpu_seconds=kept.cpu_seconds,
        peak_memory_mib=kept.peak_memory_mib,
    )
