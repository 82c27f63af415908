"""Refusals of the workers room."""

from hodei_domain.kernel.errors import ChangedMeanwhile, Conflict, Kind, NotFound, Unauthenticated


class WorkerNotFound(NotFound):
    """There is no such worker."""

    kind, code = Kind.NOT_FOUND, "worker.not-found"


class IllegalWorkerMove(Conflict):
    """The worker's state does not allow this."""

    kind, code = Kind.CONFLICT, "worker.illegal-move"


class WorkerGone(IllegalWorkerMove):
    """The worker is being destroyed or is no more; it must not come back."""

    kind, code = Kind.CONFLICT, "worker.gone"


class WorkerChangedMeanwhile(ChangedMeanwhile):
    """The worker was saved by another since it was read."""

    kind, code = Kind.CONFLICT, "worker.changed-meanwhile"


class BadToken(Unauthenticated):
    """The one-time password or session secret does not prove who the worker is."""

    kind, code = Kind.UNAUTHENTICATED, "worker.bad-token"
