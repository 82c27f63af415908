"""Identities. UUID version 7, so that ids sort by the time they were made."""

from typing import NewType
from uuid import UUID

from hodei_domain.kernel.errors import InvalidInput

JobId = NewType("JobId", UUID)
WorkerId = NewType("WorkerId", UUID)
ProviderId = NewType("ProviderId", UUID)

_RANDOM_BITS = 74  # RFC 9562: 128 - 48 (time) - 4 (version) - 2 (variant)
_LOW_BITS = 62


def uuid7(at_ms: int, random_bits: int) -> UUID:
    """The version 7 UUID of an instant (milliseconds since 1970) and 74 random bits; more are cut off."""
    random_bits &= (1 << _RANDOM_BITS) - 1
    high, low = random_bits >> _LOW_BITS, random_bits & ((1 << _LOW_BITS) - 1)
    time = at_ms & ((1 << 48) - 1)
    return UUID(int=time << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low)


def parse_job_id(text: str, field: str = "job_id") -> JobId:
    """Read a job id. Raises InvalidInput naming `field`."""
    return JobId(_parse(text, field))


def parse_worker_id(text: str, field: str = "worker_id") -> WorkerId:
    """Read a worker id. Raises InvalidInput naming `field`."""
    return WorkerId(_parse(text, field))


def parse_provider_id(text: str, field: str = "provider_id") -> ProviderId:
    """Read a provider id. Raises InvalidInput naming `field`."""
    return ProviderId(_parse(text, field))


def _parse(text: str, field: str) -> UUID:
    # UUID() also takes braces, "urn:uuid:" and misplaced hyphens; one spelling per id keeps logs searchable
    try:
        parsed = UUID(text)
    except (ValueError, AttributeError, TypeError):
        raise InvalidInput("is not a UUID", field=field) from None
    if text.lower() not in (str(parsed), parsed.hex):
        raise InvalidInput("is not a UUID", field=field)
    return parsed
