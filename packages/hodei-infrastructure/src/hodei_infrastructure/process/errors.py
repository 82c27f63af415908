"""What the system's refusals mean to the control plane."""

from __future__ import annotations

import errno

from hodei_domain.kernel.errors import HodeiError
from hodei_domain.providers.errors import ProviderUnavailable, WorkerNotCreated

# A machine that is short of something now may have it later; anything else stays as it is.
_SHORT = frozenset(
    {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EINTR}
)


def translated(error: OSError, doing: str) -> HodeiError:
    """ProviderUnavailable if the machine is short of something, else WorkerNotCreated."""
    text = f"{doing}: {error.strerror or error}"
    if error.filename:
        text += f" ({error.filename})"
    if error.errno in _SHORT:
        return ProviderUnavailable(text)
    return WorkerNotCreated(text)
