"""Ask an engine how it does, without trusting it to answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from hodei_domain.kernel.errors import HodeiError
from hodei_domain.providers.records import Health

log = logging.getLogger("hodei.providers")

PATIENCE = timedelta(seconds=10)
"""An engine that does not answer for so long is not healthy."""


async def probe(check: Callable[[], Awaitable[Health]], patience: timedelta = PATIENCE) -> Health:
    """What the check found; a check that raises or hangs is an answer, too."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await check()
    except TimeoutError:
        return Health(healthy=False, message=f"did not answer within {patience.total_seconds():g} s")
    except HodeiError as error:
        return Health(healthy=False, message=error.message)
    except Exception as error:  # one plugin's bug must not stop the probing of the others
        log.exception("A health check failed")
        return Health(healthy=False, message=f"its health check failed: {type(error).__name__}")
