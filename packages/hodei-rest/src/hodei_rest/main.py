"""The service beside another, and soon as a program of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hodei_infrastructure import bootstrap

if TYPE_CHECKING:
    from hodei_rest.service import RestService


def companion(settings: bootstrap.Settings) -> RestService:
    """The service for a control plane of the same process; its port is taken now. Raise a HodeiError."""
    from hodei_rest.service import Limits, RestService

    return RestService.bind(
        settings.bind,
        settings.rest_port,
        Limits(
            token=None if settings.dev_mode else bootstrap.local_token(settings),
            rate=settings.rate_limit,
            max_streams=settings.max_streams,
            only_loopback=settings.dev_mode,
        ),
    )
