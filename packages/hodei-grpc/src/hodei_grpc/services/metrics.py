"""hodei.MetricsService, while this server keeps no metrics."""

from collections.abc import AsyncGenerator
from typing import ClassVar

from hodei_domain.kernel.errors import Conflict, Kind
from hodei_proto.wire import hodei as wire

from hodei_grpc.servicers import Context

WHY = "metrics backend disabled: this server keeps no time series"


class MetricsDisabled(Conflict):
    """Nothing collects metrics here."""

    kind: ClassVar[Kind] = Kind.CONFLICT
    code: ClassVar[str] = "metrics.disabled"


class Metrics:
    """Answers each call with FAILED_PRECONDITION, so that dashboards say why they are empty."""

    async def stream_metrics(
        self, request: wire.MetricsStreamRequest, context: Context
    ) -> AsyncGenerator[wire.MetricsStreamResponse, None]:
        """Refuse."""
        for none in _series():
            yield none

    async def get_aggregated_metrics(
        self, request: wire.MetricsQuery, context: Context
    ) -> wire.AggregatedMetrics:
        """Refuse."""
        raise MetricsDisabled(WHY)

    async def get_time_series_metrics(
        self, request: wire.MetricsQuery, context: Context
    ) -> wire.TimeSeriesMetrics:
        """Refuse."""
        raise MetricsDisabled(WHY)


def _series() -> list[wire.MetricsStreamResponse]:
    raise MetricsDisabled(WHY)
