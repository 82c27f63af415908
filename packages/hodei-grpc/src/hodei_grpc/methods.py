"""The RPCs of the contract. Generated from the .proto files by scripts/generate-proto.sh. Do not edit."""

from typing import Final

from hodei_proto.wire import hodei
from hodei_proto.wire.hodei import providers

from hodei_grpc.method import Dialogue, ServerStream, Unary


class AuditService:
    """hodei.AuditService."""

    get_audit_logs: Final = Unary(
        "/hodei.AuditService/GetAuditLogs", hodei.GetAuditLogsRequest, hodei.GetAuditLogsResponse
    )
    get_audit_logs_by_correlation: Final = Unary(
        "/hodei.AuditService/GetAuditLogsByCorrelation",
        hodei.GetAuditLogsByCorrelationRequest,
        hodei.GetAuditLogsResponse,
    )
    get_event_counts: Final = Unary(
        "/hodei.AuditService/GetEventCounts", hodei.GetEventCountsRequest, hodei.GetEventCountsResponse
    )


class JobExecutionService:
    """hodei.JobExecutionService."""

    queue_job: Final = Unary(
        "/hodei.JobExecutionService/QueueJob", hodei.QueueJobRequest, hodei.QueueJobResponse
    )
    queue_jobs: Final = Unary(
        "/hodei.JobExecutionService/QueueJobs", hodei.QueueJobsRequest, hodei.QueueJobsResponse
    )
    get_job: Final = Unary("/hodei.JobExecutionService/GetJob", hodei.GetJobRequest, hodei.GetJobResponse)
    get_job_status: Final = Unary(
        "/hodei.JobExecutionService/GetJobStatus", hodei.GetJobStatusRequest, hodei.GetJobStatusResponse
    )
    resolve_job: Final = Unary(
        "/hodei.JobExecutionService/ResolveJob", hodei.ResolveJobRequest, hodei.ResolveJobResponse
    )
    list_jobs: Final = Unary(
        "/hodei.JobExecutionService/ListJobs", hodei.ListJobsRequest, hodei.ListJobsResponse
    )
    watch_job: Final = ServerStream(
        "/hodei.JobExecutionService/WatchJob", hodei.GetJobRequest, hodei.GetJobResponse
    )
    cancel_job: Final = Unary(
        "/hodei.JobExecutionService/CancelJob", hodei.CancelJobRequest, hodei.CancelJobResponse
    )
    retry_job: Final = Unary(
        "/hodei.JobExecutionService/RetryJob", hodei.RetryJobRequest, hodei.QueueJobResponse
    )
    write_input: Final = Unary(
        "/hodei.JobExecutionService/WriteInput", hodei.WriteInputRequest, hodei.WriteInputResponse
    )
    assign_job: Final = Unary(
        "/hodei.JobExecutionService/AssignJob", hodei.AssignJobRequest, hodei.AssignJobResponse
    )
    start_job: Final = Unary(
        "/hodei.JobExecutionService/StartJob", hodei.StartJobRequest, hodei.StartJobResponse
    )
    update_progress: Final = Unary(
        "/hodei.JobExecutionService/UpdateProgress", hodei.UpdateProgressRequest, hodei.UpdateProgressResponse
    )
    complete_job: Final = Unary(
        "/hodei.JobExecutionService/CompleteJob", hodei.CompleteJobRequest, hodei.CompleteJobResponse
    )
    fail_job: Final = Unary("/hodei.JobExecutionService/FailJob", hodei.FailJobRequest, hodei.FailJobResponse)
    execution_event_stream: Final = ServerStream(
        "/hodei.JobExecutionService/ExecutionEventStream", hodei.ExecutionId, hodei.JobExecution
    )


class LogStreamService:
    """hodei.LogStreamService."""

    subscribe_logs: Final = ServerStream(
        "/hodei.LogStreamService/SubscribeLogs", hodei.SubscribeLogsRequest, hodei.JobLogEntry
    )
    subscribe_log_chunks: Final = ServerStream(
        "/hodei.LogStreamService/SubscribeLogChunks", hodei.SubscribeLogsRequest, hodei.LogChunk
    )
    get_logs: Final = Unary("/hodei.LogStreamService/GetLogs", hodei.GetLogsRequest, hodei.GetLogsResponse)


class MetricsService:
    """hodei.MetricsService."""

    stream_metrics: Final = ServerStream(
        "/hodei.MetricsService/StreamMetrics", hodei.MetricsStreamRequest, hodei.MetricsStreamResponse
    )
    get_aggregated_metrics: Final = Unary(
        "/hodei.MetricsService/GetAggregatedMetrics", hodei.MetricsQuery, hodei.AggregatedMetrics
    )
    get_time_series_metrics: Final = Unary(
        "/hodei.MetricsService/GetTimeSeriesMetrics", hodei.MetricsQuery, hodei.TimeSeriesMetrics
    )
    get_job_metrics: Final = Unary(
        "/hodei.MetricsService/GetJobMetrics", hodei.JobMetricsRequest, hodei.JobMetrics
    )


class ProviderManagementService:
    """hodei.ProviderManagementService."""

    list_providers: Final = Unary(
        "/hodei.ProviderManagementService/ListProviders",
        hodei.ListProvidersRequest,
        hodei.ListProvidersResponse,
    )
    get_provider_health: Final = Unary(
        "/hodei.ProviderManagementService/GetProviderHealth",
        hodei.GetProviderHealthRequest,
        hodei.GetProviderHealthResponse,
    )
    register_provider: Final = Unary(
        "/hodei.ProviderManagementService/RegisterProvider",
        providers.RegisterProviderRequest,
        providers.RegisterProviderResponse,
    )
    get_provider: Final = Unary(
        "/hodei.ProviderManagementService/GetProvider",
        providers.GetProviderRequest,
        providers.GetProviderResponse,
    )
    get_provider_by_name: Final = Unary(
        "/hodei.ProviderManagementService/GetProviderByName",
        providers.GetProviderByNameRequest,
        providers.GetProviderResponse,
    )
    update_provider: Final = Unary(
        "/hodei.ProviderManagementService/UpdateProvider",
        providers.UpdateProviderRequest,
        providers.UpdateProviderResponse,
    )
    delete_provider: Final = Unary(
        "/hodei.ProviderManagementService/DeleteProvider",
        providers.DeleteProviderRequest,
        providers.DeleteProviderResponse,
    )
    enable_provider: Final = Unary(
        "/hodei.ProviderManagementService/EnableProvider",
        providers.EnableProviderRequest,
        providers.EnableProviderResponse,
    )
    disable_provider: Final = Unary(
        "/hodei.ProviderManagementService/DisableProvider",
        providers.DisableProviderRequest,
        providers.DisableProviderResponse,
    )
    collect_garbage: Final = Unary(
        "/hodei.ProviderManagementService/CollectGarbage",
        hodei.CollectGarbageRequest,
        hodei.CollectGarbageResponse,
    )
    forget_history: Final = Unary(
        "/hodei.ProviderManagementService/ForgetHistory",
        hodei.ForgetHistoryRequest,
        hodei.ForgetHistoryResponse,
    )
    get_provider_stats: Final = Unary(
        "/hodei.ProviderManagementService/GetProviderStats",
        providers.GetProviderStatsRequest,
        providers.GetProviderStatsResponse,
    )


class SchedulerService:
    """hodei.SchedulerService."""

    schedule_job: Final = Unary(
        "/hodei.SchedulerService/ScheduleJob", hodei.ScheduleJobRequest, hodei.ScheduleJobResponse
    )
    get_scheduling_decision: Final = Unary(
        "/hodei.SchedulerService/GetSchedulingDecision",
        hodei.GetSchedulingDecisionRequest,
        hodei.GetSchedulingDecisionResponse,
    )
    configure_scheduler: Final = Unary(
        "/hodei.SchedulerService/ConfigureScheduler",
        hodei.ConfigureSchedulerRequest,
        hodei.ConfigureSchedulerResponse,
    )
    get_queue_status: Final = Unary(
        "/hodei.SchedulerService/GetQueueStatus", hodei.GetQueueStatusRequest, hodei.GetQueueStatusResponse
    )
    get_available_workers: Final = Unary(
        "/hodei.SchedulerService/GetAvailableWorkers",
        hodei.GetAvailableWorkersRequest,
        hodei.GetAvailableWorkersResponse,
    )
    scheduling_decision_stream: Final = ServerStream(
        "/hodei.SchedulerService/SchedulingDecisionStream", hodei.JobId, hodei.SchedulingDecision
    )


class WorkerAgentService:
    """hodei.WorkerAgentService."""

    register: Final = Unary(
        "/hodei.WorkerAgentService/Register", hodei.RegisterWorkerRequest, hodei.RegisterWorkerResponse
    )
    worker_stream: Final = Dialogue(
        "/hodei.WorkerAgentService/WorkerStream", hodei.WorkerMessage, hodei.ServerMessage
    )
    update_worker_status: Final = Unary(
        "/hodei.WorkerAgentService/UpdateWorkerStatus",
        hodei.UpdateWorkerStatusRequest,
        hodei.UpdateWorkerStatusResponse,
    )
    unregister_worker: Final = Unary(
        "/hodei.WorkerAgentService/UnregisterWorker",
        hodei.UnregisterWorkerRequest,
        hodei.UnregisterWorkerResponse,
    )


class WorkerService:
    """hodei.WorkerService."""

    list_workers: Final = Unary(
        "/hodei.WorkerService/ListWorkers", hodei.ListWorkersRequest, hodei.ListWorkersResponse
    )
    get_worker: Final = Unary(
        "/hodei.WorkerService/GetWorker", hodei.GetWorkerRequest, hodei.GetWorkerResponse
    )
    drain_worker: Final = Unary(
        "/hodei.WorkerService/DrainWorker", hodei.DrainWorkerRequest, hodei.DrainWorkerResponse
    )
    terminate_worker: Final = Unary(
        "/hodei.WorkerService/TerminateWorker", hodei.TerminateWorkerRequest, hodei.TerminateWorkerResponse
    )
    get_worker_logs: Final = Unary(
        "/hodei.WorkerService/GetWorkerLogs", hodei.GetWorkerLogsRequest, hodei.GetWorkerLogsResponse
    )


class ProvidersProviderManagementService:
    """hodei.providers.ProviderManagementService."""

    register_provider: Final = Unary(
        "/hodei.providers.ProviderManagementService/RegisterProvider",
        providers.RegisterProviderRequest,
        providers.RegisterProviderResponse,
    )
    get_provider: Final = Unary(
        "/hodei.providers.ProviderManagementService/GetProvider",
        providers.GetProviderRequest,
        providers.GetProviderResponse,
    )
    get_provider_by_name: Final = Unary(
        "/hodei.providers.ProviderManagementService/GetProviderByName",
        providers.GetProviderByNameRequest,
        providers.GetProviderResponse,
    )
    list_providers: Final = Unary(
        "/hodei.providers.ProviderManagementService/ListProviders",
        providers.ListProvidersRequest,
        providers.ListProvidersResponse,
    )
    update_provider: Final = Unary(
        "/hodei.providers.ProviderManagementService/UpdateProvider",
        providers.UpdateProviderRequest,
        providers.UpdateProviderResponse,
    )
    delete_provider: Final = Unary(
        "/hodei.providers.ProviderManagementService/DeleteProvider",
        providers.DeleteProviderRequest,
        providers.DeleteProviderResponse,
    )
    enable_provider: Final = Unary(
        "/hodei.providers.ProviderManagementService/EnableProvider",
        providers.EnableProviderRequest,
        providers.EnableProviderResponse,
    )
    disable_provider: Final = Unary(
        "/hodei.providers.ProviderManagementService/DisableProvider",
        providers.DisableProviderRequest,
        providers.DisableProviderResponse,
    )
    get_provider_stats: Final = Unary(
        "/hodei.providers.ProviderManagementService/GetProviderStats",
        providers.GetProviderStatsRequest,
        providers.GetProviderStatsResponse,
    )
