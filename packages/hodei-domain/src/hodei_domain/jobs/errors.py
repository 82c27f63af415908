"""Refusals of the jobs room."""

from hodei_domain.kernel.errors import AlreadyExists, ChangedMeanwhile, Conflict, Kind, NotFound


class JobNotFound(NotFound):
    """There is no such job."""

    kind, code = Kind.NOT_FOUND, "job.not-found"


class IllegalMove(Conflict):
    """The job's state does not allow this."""

    kind, code = Kind.CONFLICT, "job.illegal-move"


class StaleAttempt(Conflict):
    """It was said about an attempt that is no longer, or was never, the job's: whoever said it must stop."""

    kind, code = Kind.CONFLICT, "job.stale-attempt"


class AlreadyEnded(Conflict):
    """This attempt's end is known already; saying it again changes nothing."""

    kind, code = Kind.CONFLICT, "job.already-ended"


class JobChangedMeanwhile(ChangedMeanwhile):
    """The job was saved by another since it was read."""

    kind, code = Kind.CONFLICT, "job.changed-meanwhile"


class JobAlreadyExists(AlreadyExists):
    """The job id or idempotency key belongs to a submission that says something else."""

    kind, code = Kind.CONFLICT, "job.already-exists"
