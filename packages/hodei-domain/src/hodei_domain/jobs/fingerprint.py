"""Fingerprints tell whether a repeated submission says the same."""

from hodei_domain.jobs.document import spec_to_json
from hodei_domain.jobs.spec import JobSpec
from hodei_domain.kernel.demand import digest_of


def fingerprint_of(spec: JobSpec) -> str:
    """32 hexadecimal digits of all that the spec says; equal for equal specs in every process and version."""
    return digest_of(spec_to_json(spec))
