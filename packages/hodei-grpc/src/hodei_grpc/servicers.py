"""What services implement. Generated from the .proto files by scripts/generate-proto.sh. Do not edit.

An RPC that answers with a stream is an async generator. Errors are raised, as `hodei_grpc.status` describes.
"""

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Protocol

from grpc.aio import ServicerContext
from hodei_proto.wire import hodei
from hodei_proto.wire.hodei import providers

Context = ServicerContext[Any, Any]


class AuditServicer(Protocol):
    """Implements hodei.AuditService."""

    @abstractmethod
    async def get_audit_logs(
        self, request: hodei.GetAuditLogsRequest, context: Context
    ) -> hodei.GetAuditLogsResponse: ...

    @abstractmethod
    async def get_audit_logs_by_correlation(
        self, request: hodei.GetAuditLogsByCorrelationRequest, context: Context
    ) -> hodei.GetAuditLogsResponse: ...

    @abstractmethod
    async def get_event_counts(
        self, request: hodei.GetEventCountsRequest, context: Context
    ) -> hodei.GetEventCountsResponse: ...


class JobExecutionServicer(Protocol):
    """Implements hodei.JobExecutionService."""

    @abstractmethod
    async def queue_job(self, request: hodei.QueueJobRequest, context: Context) -> hodei.QueueJobResponse: ...

    @abstractmethod
    async def queue_jobs(
        self, request: hodei.QueueJobsRequest, context: Context
    ) -> hodei.QueueJobsResponse: ...

    @abstractmethod
    async def get_job(self, request: hodei.GetJobRequest, context: Context) -> hodei.GetJobResponse: ...

    @abstractmethod
    async def get_job_status(
        self, request: hodei.GetJobStatusRequest, context: Context
    ) -> hodei.GetJobStatusResponse: ...

    @abstractmethod
    async def resolve_job(
        self, request: hodei.ResolveJobRequest, context: Context
    ) -> hodei.ResolveJobResponse: ...

    @abstractmethod
    async def list_jobs(self, request: hodei.ListJobsRequest, context: Context) -> hodei.ListJobsResponse: ...

    @abstractmethod
    def watch_job(
        self, request: hodei.GetJobRequest, context: Context
    ) -> AsyncIterator[hodei.GetJobResponse]: ...

    @abstractmethod
    async def cancel_job(
        self, request: hodei.CancelJobRequest, context: Context
    ) -> hodei.CancelJobResponse: ...

    @abstractmethod
    async def retry_job(self, request: hodei.RetryJobRequest, context: Context) -> hodei.QueueJobResponse: ...

    @abstractmethod
    async def write_input(
        self, request: hodei.WriteInputRequest, context: Context
    ) -> hodei.WriteInputResponse: ...

    @abstractmethod
    async def assign_job(
        self, request: hodei.AssignJobRequest, context: Context
    ) -> hodei.AssignJobResponse: ...

    @abstractmethod
    async def start_job(self, request: hodei.StartJobRequest, context: Context) -> hodei.StartJobResponse: ...

    @abstractmethod
    async def update_progress(
        self, request: hodei.UpdateProgressRequest, context: Context
    ) -> hodei.UpdateProgressResponse: ...

    @abstractmethod
    async def complete_job(
        self, request: hodei.CompleteJobRequest, context: Context
    ) -> hodei.CompleteJobResponse: ...

    @abstractmethod
    async def fail_job(self, request: hodei.FailJobRequest, context: Context) -> hodei.FailJobResponse: ...

    @abstractmethod
    def execution_event_stream(
        self, request: hodei.ExecutionId, context: Context
    ) -> AsyncIterator[hodei.JobExecution]: ...


class LogStreamServicer(Protocol):
    """Implements hodei.LogStreamService."""

    @abstractmethod
    def subscribe_logs(
        self, request: hodei.SubscribeLogsRequest, context: Context
    ) -> AsyncIterator[hodei.JobLogEntry]: ...

    @abstractmethod
    def subscribe_log_chunks(
        self, request: hodei.SubscribeLogsRequest, context: Context
    ) -> AsyncIterator[hodei.LogChunk]: ...

    @abstractmethod
    async def get_logs(self, request: hodei.GetLogsRequest, context: Context) -> hodei.GetLogsResponse: ...


class MetricsServicer(Protocol):
    """Implements hodei.MetricsService."""

    @abstractmethod
    def stream_metrics(
        self, request: hodei.MetricsStreamRequest, context: Context
    ) -> AsyncIterator[hodei.MetricsStreamResponse]: ...

    @abstractmethod
    async def get_aggregated_metrics(
        self, request: hodei.MetricsQuery, context: Context
    ) -> hodei.AggregatedMetrics: ...

    @abstractmethod
    async def get_time_series_metrics(
        self, request: hodei.MetricsQuery, context: Context
    ) -> hodei.TimeSeriesMetrics: ...

    @abstractmethod
    async def get_job_metrics(
        self, request: hodei.JobMetricsRequest, context: Context
    ) -> hodei.JobMetrics: ...


class ProviderManagementServicer(Protocol):
    """Implements hodei.ProviderManagementService."""

    @abstractmethod
    async def list_providers(
        self, request: hodei.ListProvidersRequest, context: Context
    ) -> hodei.ListProvidersResponse: ...

    @abstractmethod
    async def get_provider_health(
        self, request: hodei.GetProviderHealthRequest, context: Context
    ) -> hodei.GetProviderHealthResponse: ...

    @abstractmethod
    async def register_provider(
        self, request: providers.RegisterProviderRequest, context: Context
    ) -> providers.RegisterProviderResponse: ...

    @abstractmethod
    async def get_provider(
        self, request: providers.GetProviderRequest, context: Context
    ) -> providers.GetProviderResponse: ...

    @abstractmethod
    async def get_provider_by_name(
        self, request: providers.GetProviderByNameRequest, context: Context
    ) -> providers.GetProviderResponse: ...

    @abstractmethod
    async def update_provider(
        self, request: providers.UpdateProviderRequest, context: Context
    ) -> providers.UpdateProviderResponse: ...

    @abstractmethod
    async def delete_provider(
        self, request: providers.DeleteProviderRequest, context: Context
    ) -> providers.DeleteProviderResponse: ...

    @abstractmethod
    async def enable_provider(
        self, request: providers.EnableProviderRequest, context: Context
    ) -> providers.EnableProviderResponse: ...

    @abstractmethod
    async def disable_provider(
        self, request: providers.DisableProviderRequest, context: Context
    ) -> providers.DisableProviderResponse: ...

    @abstractmethod
    async def collect_garbage(
        self, request: hodei.CollectGarbageRequest, context: Context
    ) -> hodei.CollectGarbageResponse: ...

    @abstractmethod
    async def forget_history(
        self, request: hodei.ForgetHistoryRequest, context: Context
    ) -> hodei.ForgetHistoryResponse: ...

    @abstractmethod
    async def get_provider_stats(
        self, request: providers.GetProviderStatsRequest, context: Context
    ) -> providers.GetProviderStatsResponse: ...


class SchedulerServicer(Protocol):
    """Implements hodei.SchedulerService."""

    @abstractmethod
    async def schedule_job(
        self, request: hodei.ScheduleJobRequest, context: Context
    ) -> hodei.ScheduleJobResponse: ...

    @abstractmethod
    async def get_scheduling_decision(
        self, request: hodei.GetSchedulingDecisionRequest, context: Context
    ) -> hodei.GetSchedulingDecisionResponse: ...

    @abstractmethod
    async def configure_scheduler(
        self, request: hodei.ConfigureSchedulerRequest, context: Context
    ) -> hodei.ConfigureSchedulerResponse: ...

    @abstractmethod
    async def get_queue_status(
        self, request: hodei.GetQueueStatusRequest, context: Context
    ) -> hodei.GetQueueStatusResponse: ...

    @abstractmethod
    async def get_available_workers(
        self, request: hodei.GetAvailableWorkersRequest, context: Context
    ) -> hodei.GetAvailableWorkersResponse: ...

    @abstractmethod
    def scheduling_decision_stream(
        self, request: hodei.JobId, context: Context
    ) -> AsyncIterator[hodei.SchedulingDecision]: ...


class WorkerAgentServicer(Protocol):
    """Implements hodei.WorkerAgentService."""

    @abstractmethod
    async def register(
        self, request: hodei.RegisterWorkerRequest, context: Context
    ) -> hodei.RegisterWorkerResponse: ...

    @abstractmethod
    def worker_stream(
        self, requests: AsyncIterator[hodei.WorkerMessage], context: Context
    ) -> AsyncIterator[hodei.ServerMessage]: ...

    @abstractmethod
    async def update_worker_status(
        self, request: hodei.UpdateWorkerStatusRequest, context: Context
    ) -> hodei.UpdateWorkerStatusResponse: ...

    @abstractmethod
    async def unregister_worker(
        self, request: hodei.UnregisterWorkerRequest, context: Context
    ) -> hodei.UnregisterWorkerResponse: ...


class WorkerServicer(Protocol):
    """Implements hodei.WorkerService."""

    @abstractmethod
    async def list_workers(
        self, request: hodei.ListWorkersRequest, context: Context
    ) -> hodei.ListWorkersResponse: ...

    @abstractmethod
    async def get_worker(
        self, request: hodei.GetWorkerRequest, context: Context
    ) -> hodei.GetWorkerResponse: ...

    @abstractmethod
    async def drain_worker(
        self, request: hodei.DrainWorkerRequest, context: Context
    ) -> hodei.DrainWorkerResponse: ...

    @abstractmethod
    async def terminate_worker(
        self, request: hodei.TerminateWorkerRequest, context: Context
    ) -> hodei.TerminateWorkerResponse: ...

    @abstractmethod
    async def get_worker_logs(
        self, request: hodei.GetWorkerLogsRequest, context: Context
    ) -> hodei.GetWorkerLogsResponse: ...


class ProvidersProviderManagementServicer(Protocol):
    """Implements hodei.providers.ProviderManagementService."""

    @abstractmethod
    async def register_provider(
        self, request: providers.RegisterProviderRequest, context: Context
    ) -> providers.RegisterProviderResponse: ...

    @abstractmethod
    async def get_provider(
        self, request: providers.GetProviderRequest, context: Context
    ) -> providers.GetProviderResponse: ...

    @abstractmethod
    async def get_provider_by_name(
        self, request: providers.GetProviderByNameRequest, context: Context
    ) -> providers.GetProviderResponse: ...

    @abstractmethod
    async def list_providers(
        self, request: providers.ListProvidersRequest, context: Context
    ) -> providers.ListProvidersResponse: ...

    @abstractmethod
    async def update_provider(
        self, request: providers.UpdateProviderRequest, context: Context
    ) -> providers.UpdateProviderResponse: ...

    @abstractmethod
    async def delete_provider(
        self, request: providers.DeleteProviderRequest, context: Context
    ) -> providers.DeleteProviderResponse: ...

    @abstractmethod
    async def enable_provider(
        self, request: providers.EnableProviderRequest, context: Context
    ) -> providers.EnableProviderResponse: ...

    @abstractmethod
    async def disable_provider(
        self, request: providers.DisableProviderRequest, context: Context
    ) -> providers.DisableProviderResponse: ...

    @abstractmethod
    async def get_provider_stats(
        self, request: providers.GetProviderStatsRequest, context: Context
    ) -> providers.GetProviderStatsResponse: ...
