"""Refusals of the logs room."""

from hodei_domain.kernel.errors import InvalidInput, Kind


class BrokenChunk(InvalidInput):
    """A chunk whose numbers contradict each other."""

    kind, code = Kind.INVALID, "log.broken-chunk"
