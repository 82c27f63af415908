"""Refusals of the providers room."""

from hodei_domain.kernel.errors import AlreadyExists, ChangedMeanwhile, Conflict, Kind, NotFound, Unavailable


class ProviderNotFound(NotFound):
    """There is no such provider."""

    kind, code = Kind.NOT_FOUND, "provider.not-found"


class ProviderAlreadyExists(AlreadyExists):
    """The name belongs to another provider."""

    kind, code = Kind.CONFLICT, "provider.already-exists"


class ProviderInUse(Conflict):
    """The provider still has workers."""

    kind, code = Kind.CONFLICT, "provider.in-use"


class ProviderSwitchedOff(Conflict):
    """The provider's own server is set not to use it."""

    kind, code = Kind.CONFLICT, "provider.switched-off"


class ProviderChangedMeanwhile(ChangedMeanwhile):
    """The provider was saved by another since it was read."""

    kind, code = Kind.CONFLICT, "provider.changed-meanwhile"


class ProviderUnavailable(Unavailable):
    """The engine cannot be reached or refuses to answer; the same call may succeed later."""

    kind, code = Kind.UNAVAILABLE, "provider.unavailable"


class WorkerNotCreated(Conflict):
    """The engine will not make this worker.

    `final`: it will not for any job of this class (bad image), so the jobs fail.
    """

    kind, code = Kind.CONFLICT, "provider.worker-not-created"

    def __init__(self, message: str, *, reason: str = "provisioning", final: bool = False) -> None:
        """`reason` is what the jobs' results carry: provisioning, image-pull …"""
        super().__init__(message)
        self.reason = reason
        self.final = final
