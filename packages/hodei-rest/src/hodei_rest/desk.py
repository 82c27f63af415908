"""What the routes work with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from attrs import define, field
from hodei_application.admission import Admission
from hodei_application.control_plane import ControlPlane
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, SkipValidation


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


@define(eq=False)
class Desk:
    """The control plane, who is admitted, and when to stop: `stopping` is set when the server drains."""

    control: ControlPlane
    admission: Admission
    now: Callable[[], datetime] = now
    stopping: asyncio.Event = field(factory=asyncio.Event)

    @property
    def token(self) -> str | None:
        """What callers must bear, None if anybody may call."""
        return self.admission.token

    def is_token(self, told: str) -> bool:
        """Whether this is that token."""
        return self.token is None or self.admission.is_token(told)


TheDesk = NamedDependency[SkipValidation[Desk]]
"""How a route asks for it: a parameter `desk`."""

Id = Annotated[str, PathParameter(schema_extra={"format": "uuid"})]
"""The id of a thing, in the path."""

Named = FromPath[str]
"""The id or the name of a thing, in the path."""
