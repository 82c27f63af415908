"""The control plane: all use cases, and the loops behind them."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

from hodei_application.audit.audit_feed import FollowAudit
from hodei_application.audit.get_audit import CountAudit, GetAudit, GetAuditByCorrelation, ReadAudit
from hodei_application.engine import Engine
from hodei_application.engine_parts import check_provider, engine_of, why_pending
from hodei_application.group_commit import GroupCommit
from hodei_application.jobs.assign_job import AssignJob
from hodei_application.jobs.attempt_calls import CompleteJob, FailJob, StartJob, UpdateProgress
from hodei_application.jobs.cancel_job import CancelJob
from hodei_application.jobs.forget_history import ForgetHistory, History
from hodei_application.jobs.get_job import GetJob, ReadJob
from hodei_application.jobs.list_jobs import ListJobs
from hodei_application.jobs.read_timeline import ReadTimeline
from hodei_application.jobs.report_attempt import LegacyLogs, ReportAttempt
from hodei_application.jobs.resolve_job import ResolveJob
from hodei_application.jobs.retry_job import RetryJob
from hodei_application.jobs.submit_job import SubmitJob, SubmitJobs
from hodei_application.jobs.watch_job import WatchJob
from hodei_application.jobs.why_pending import WhyPending
from hodei_application.jobs.write_input import InputAcks, WriteInput
from hodei_application.logs.follow_logs import FollowLogs
from hodei_application.logs.get_logs import GetLogs
from hodei_application.logs.page_logs import PageLogs, ReadOutput
from hodei_application.metrics.database_gauges import DatabaseGauges
from hodei_application.metrics.read_metrics import DrawMetrics, ReadUsage, SummarizeMetrics
from hodei_application.metrics.replica import Instruments
from hodei_application.metrics.watch_usage import WatchUsageOf
from hodei_application.overview import LookAround
from hodei_application.parts import Parts
from hodei_application.policy import Outside, Policy
from hodei_application.providers.check_provider import CheckProvider
from hodei_application.providers.find_provider import GetProvider
from hodei_application.providers.list_images import ListImages
from hodei_application.providers.list_providers import CountProviders, ListProviders
from hodei_application.providers.price_provider import PriceProvider
from hodei_application.providers.register_provider import EnsureProvider, RegisterProvider
from hodei_application.providers.try_provider import TryProvider
from hodei_application.providers.update_provider import (
    DeleteProvider,
    DisableProvider,
    EnableProvider,
    UpdateProvider,
)
from hodei_application.scheduling.available_workers import GetAvailableWorkers
from hodei_application.scheduling.configure_scheduler import ConfigureScheduler, ReadSchedulerConfig
from hodei_application.scheduling.get_decision import GetDecision, WatchDecisions
from hodei_application.scheduling.janitor import CollectGarbage
from hodei_application.scheduling.queue_status import GetQueueStatus, QueueOverview
from hodei_application.scheduling.schedule_job import ScheduleJob
from hodei_application.workers.bind_worker import BindWorker
from hodei_application.workers.disconnect_worker import DisconnectWorker, RecordDisconnects
from hodei_application.workers.drain_worker import Drain
from hodei_application.workers.heartbeat import Heartbeat
from hodei_application.workers.issue_token import IssueToken
from hodei_application.workers.list_workers import GetWorker, ListWorkers
from hodei_application.workers.places import FindPlaces
from hodei_application.workers.register_worker import AuthenticateSession, RegisterWorker
from hodei_application.workers.terminate_worker import Terminate, UnregisterWorker
from hodei_application.workers.worker_logs import ReadWorkerLogs

__all__ = ["ControlPlane", "Outside", "Policy", "build"]


@frozen(kw_only=True)
class ControlPlane:
    """Everything that can be asked of Hodei, each a callable object; see its class for what it takes and
    raises.
    """

    submit_job: SubmitJob
    submit_jobs: SubmitJobs
    schedule_job: ScheduleJob
    get_job: GetJob
    read_job: ReadJob
    resolve_job: ResolveJob
    list_jobs: ListJobs
    cancel_job: CancelJob
    retry_job: RetryJob
    watch_job: WatchJob
    why_pending: WhyPending
    assign_job: AssignJob
    start_job: StartJob
    update_progress: UpdateProgress
    write_input: WriteInput
    complete_job: CompleteJob
    fail_job: FailJob

    register_worker: RegisterWorker
    authenticate_session: AuthenticateSession
    bind_worker: BindWorker
    disconnect_worker: DisconnectWorker
    heartbeat: Heartbeat
    report_attempt: ReportAttempt
    legacy_log: LegacyLogs
    input_acks: InputAcks
    list_workers: ListWorkers
    get_worker: GetWorker
    drain_worker: Drain
    terminate_worker: Terminate
    unregister_worker: UnregisterWorker
    issue_worker_token: IssueToken
    worker_logs: ReadWorkerLogs
    places: FindPlaces

    register_provider: RegisterProvider
    ensure_provider: EnsureProvider
    update_provider: UpdateProvider
    enable_provider: EnableProvider
    disable_provider: DisableProvider
    delete_provider: DeleteProvider
    get_provider: GetProvider
    list_providers: ListProviders
    provider_health: CheckProvider
    provider_stats: CountProviders
    provider_price: PriceProvider
    try_provider: TryProvider
    images: ListImages
    collect_garbage: CollectGarbage
    forget_history: ForgetHistory

    scheduler_config: ReadSchedulerConfig
    configure_scheduler: ConfigureScheduler
    queue_status: GetQueueStatus
    queue_overview: QueueOverview
    available_workers: GetAvailableWorkers
    get_decision: GetDecision
    decisions: WatchDecisions

    follow_logs: FollowLogs
    get_logs: GetLogs
    page_logs: PageLogs
    read_output: ReadOutput

    get_audit: GetAudit
    read_audit: ReadAudit
    audit_by_correlation: GetAuditByCorrelation
    audit_counts: CountAudit
    follow_audit: FollowAudit

    look_around: LookAround
    timeline: ReadTimeline

    metrics_summary: SummarizeMetrics
    metrics_series: DrawMetrics
    read_usage: ReadUsage
    watch_usage: WatchUsageOf
    instruments: Instruments
    database_gauges: DatabaseGauges

    engine: Engine

    @property
    def server_id(self) -> str:
        """By which workers tell this server from the others of its database."""
        return self.engine.spread.others.our_id

    async def learn_time(self) -> None:
        """Go by the store's clock from now on: for what is written before start(). Raise StoreUnavailable."""
        async with self.engine.outside.begin() as tx:
            await self.engine.clock.look(tx)

    async def start(self) -> None:
        """Read the settings and start the loops. Raises StoreUnavailable."""
        await self.engine.start()

    async def stop(self, drain: timedelta = timedelta(seconds=5)) -> None:
        """Stop the loops, write what has come in, end the streams. Jobs go on: their workers will come
        back.
        """
        await self.engine.stop(drain)

    async def destroy_workers(self, grace: timedelta = timedelta(seconds=2), *, busy: bool) -> None:
        """Serve nothing more and leave no idle worker behind; with `busy` none at all: what runs is lost."""
        await self.engine.destroy_workers(grace, busy=busy)

    def hinted(self, kind: str) -> None:
        """Another replica sent a hint."""
        if self.engine.spread.others.hear(kind):
            self.engine.signals.uneven()
        else:
            self.engine.signals.hinted(kind)

    def is_ready(self) -> bool:
        """Whether the store answers and the loops run, so that calls make sense."""
        return self.engine.is_ready()

    async def until_replaced(self) -> None:
        """Return when another database has taken the place of the one that this control plane started on:
        only a restart helps.
        """
        await self.engine.identity.replaced.wait()

    def is_live(self) -> bool:
        """Whether the loops run; if not, only a restart helps."""
        return self.engine.is_live()


def build(outside: Outside, policy: Policy | None = None) -> ControlPlane:
    """Put a control plane together. Pure wiring; ControlPlane.start() sets it going."""
    parts = Parts.of(outside, policy or Policy())
    outside = parts.outside  # as it is watched for outages
    begin, now, connected, moves = outside.begin, outside.now, parts.connected, parts.moves
    signals, dispatcher, change = parts.signals, parts.dispatcher, parts.provider_change
    engine = engine_of(parts)

    gauges = DatabaseGauges(begin=begin, now=now, monotonic=outside.monotonic)
    gauges.connect(parts.instruments)

    submit_jobs = SubmitJobs(
        begin=begin,
        now=now,
        new_id=outside.new_id,
        turns=parts.turns,
        moves=moves,
        dispatcher=dispatcher,
        signals=signals,
    )
    submit_job = SubmitJob(GroupCommit(submit_jobs, counted=parts.batch_sizes("submissions")))
    watch_job = WatchJob(begin, moves)
    door, input_acks = parts.door, InputAcks(connected)
    disconnects = GroupCommit(
        RecordDisconnects(begin=begin, now=now, connected=connected),
        counted=parts.batch_sizes("disconnects"),
    )
    terminate = Terminate(
        begin=begin, now=now, connected=connected, moves=moves, dispatcher=dispatcher, signals=signals
    )
    list_workers = ListWorkers(begin, parts.terms, connected)
    register_provider = RegisterProvider(
        begin=begin, now=now, new_id=outside.new_id, make=outside.plugins, change=change
    )
    list_providers = ListProviders(begin)
    decisions = WatchDecisions(watch_job, moves)
    return ControlPlane(
        submit_job=submit_job,
        submit_jobs=submit_jobs,
        schedule_job=ScheduleJob(submit_job, decisions),
        get_job=GetJob(begin, why_pending(parts)),
        read_job=ReadJob(begin),
        resolve_job=ResolveJob(begin),
        list_jobs=ListJobs(begin),
        cancel_job=CancelJob(begin=begin, now=now, connected=connected, moves=moves, signals=signals),
        retry_job=RetryJob(
            begin=begin, now=now, submit=submit_job, moves=moves, dispatcher=dispatcher, signals=signals
        ),
        watch_job=watch_job,
        why_pending=why_pending(parts),
        assign_job=AssignJob(begin, connected, dispatcher, parts.kinds),
        start_job=StartJob(door),
        update_progress=UpdateProgress(door),
        write_input=WriteInput(
            begin=begin, monotonic=outside.monotonic, connected=connected, moves=moves, acks=input_acks
        ),
        complete_job=CompleteJob(door, outside.jitter),
        fail_job=FailJob(door, outside.jitter),
        register_worker=RegisterWorker(
            begin=begin, now=now, new_id=outside.new_id, secrets=outside.secrets, dev_mode=outside.dev_mode
        ),
        authenticate_session=AuthenticateSession(begin),
        bind_worker=BindWorker(
            begin=begin,
            now=now,
            connected=connected,
            moves=moves,
            dispatcher=dispatcher,
            kinds=parts.kinds,
            heartbeat_interval=parts.policy.heartbeat_interval,
            lease=parts.policy.lease,
            instruments=parts.instruments,
        ),
        disconnect_worker=DisconnectWorker(commit=disconnects, connected=connected, signals=signals),
        heartbeat=Heartbeat(connected, parts.policy.lease, parts.usage),
        report_attempt=ReportAttempt(
            now=now, connected=connected, intake=engine.intake, troubles=parts.troubles
        ),
        legacy_log=LegacyLogs(connected),
        input_acks=input_acks,
        list_workers=list_workers,
        get_worker=GetWorker(list_workers),
        drain_worker=Drain(begin=begin, now=now, connected=connected, terms=parts.terms, signals=signals),
        terminate_worker=terminate,
        unregister_worker=UnregisterWorker(terminate),
        issue_worker_token=IssueToken(
            begin=begin,
            now=now,
            new_id=outside.new_id,
            secrets=outside.secrets,
            otp_ttl=parts.policy.otp_ttl,
        ),
        worker_logs=ReadWorkerLogs(begin, parts.landscape),
        places=FindPlaces(begin, parts.landscape),
        register_provider=register_provider,
        ensure_provider=EnsureProvider(begin=begin, register=register_provider),
        update_provider=UpdateProvider(now, outside.plugins, change),
        enable_provider=EnableProvider(now, change),
        disable_provider=DisableProvider(now, change),
        delete_provider=DeleteProvider(begin, now, change),
        get_provider=GetProvider(begin),
        list_providers=list_providers,
        provider_health=check_provider(parts),
        provider_stats=CountProviders(list_providers),
        provider_price=PriceProvider(parts.landscape),
        try_provider=TryProvider(now=now, new_id=outside.new_id, trial=outside.trial),
        images=ListImages(begin, parts.landscape),
        collect_garbage=CollectGarbage(begin=begin, landscape=parts.landscape, inventory=engine.inventory),
        forget_history=ForgetHistory(
            history=History(begin=begin, now=now),
            monotonic=outside.monotonic,
            bounds=parts.policy.retention.history,
        ),
        scheduler_config=ReadSchedulerConfig(begin, parts.config),
        configure_scheduler=ConfigureScheduler(begin=begin, now=now, config=parts.config, signals=signals),
        queue_status=GetQueueStatus(begin, now),
        queue_overview=QueueOverview(begin),
        available_workers=GetAvailableWorkers(now=now, config=parts.config, list_workers=list_workers),
        get_decision=GetDecision(begin),
        decisions=decisions,
        follow_logs=FollowLogs(begin, parts.logs, connected),
        get_logs=GetLogs(begin),
        page_logs=PageLogs(begin),
        read_output=ReadOutput(begin),
        get_audit=GetAudit(begin),
        read_audit=ReadAudit(begin),
        audit_by_correlation=GetAuditByCorrelation(begin),
        audit_counts=CountAudit(begin),
        follow_audit=FollowAudit(begin, parts.feed),
        look_around=LookAround(engine),
        timeline=ReadTimeline(begin, now),
        metrics_summary=SummarizeMetrics(begin=begin, now=now),
        metrics_series=DrawMetrics(begin=begin, now=now),
        read_usage=ReadUsage(begin=begin),
        watch_usage=WatchUsageOf(
            begin=begin, monotonic=outside.monotonic, intake=parts.usage, connected=connected
        ),
        instruments=parts.instruments,
        database_gauges=gauges,
        engine=engine,
    )
