"""What may serve beside gRPC in the same process, on the same control plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from hodei_application.control_plane import ControlPlane


class Companion(Protocol):
    """A service that has its port already."""

    def serving(self, control: ControlPlane) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """Serve while the context is open; gives what is to be announced: name and address.

        On leaving it ends its streams at once and its answers soon.
        """
        ...

    def close(self) -> None:
        """Give the port back, whether it has served or not."""
        ...


MakeCompanion = Callable[[Any], Companion]
"""From the settings. It is called while the database starts, so that it may import what takes long. Raises a
HodeiError where the port is taken.
"""
