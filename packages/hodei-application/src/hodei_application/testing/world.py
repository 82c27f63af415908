"""A control plane whose time, store, provider and agents are in a test's hands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from attrs import define, field
from hodei_domain.jobs.job import Attempt, Job
from hodei_domain.jobs.spec import JobSpec, Shell
from hodei_domain.kernel.ids import JobId, WorkerId
from hodei_domain.providers.provider import Provider, ProviderType
from hodei_domain.testing.fakes import FixedClock, MemoryStore, ScriptedProvider, SeqIds, SeqSecrets
from hodei_domain.testing.fakes.sources import START
from hodei_domain.workers.spec import WorkerSpec
from hodei_domain.workers.worker import Worker

from hodei_application.control_plane import ControlPlane, Outside, Policy, build
from hodei_application.jobs.submit_job import Submission
from hodei_application.ports import PluginFactory, Transaction
from hodei_application.providers.register_provider import NewProvider
from hodei_application.testing.agent import ScriptedAgent

TICK = timedelta(seconds=1)


@define(eq=False, kw_only=True)
class World:
    """The loops do not run by themselves: settle() and pass_time() make their steps, so that nothing
    depends on luck.

    Agents that the provider makes register and connect by themselves while `agents_come` is true.
    """

    policy: Policy = field(factory=Policy)
    clock: FixedClock = field(factory=FixedClock)
    store: MemoryStore = field(init=False)
    provider: ScriptedProvider = field(init=False)
    control: ControlPlane = field(init=False)
    agents: dict[WorkerId, ScriptedAgent] = field(factory=dict)
    agents_come: bool = True
    hints: list[str] = field(factory=list)
    ids: SeqIds = field(factory=SeqIds)
    secrets: SeqSecrets = field(factory=SeqSecrets)
    dev_mode: bool = False
    time_runs: bool = False
    dead: set[str] = field(factory=set)  # replicas of which it is known

    def __attrs_post_init__(self) -> None:
        self.store = MemoryStore(now=self.clock, lease=self.policy.lease)
        self.provider = ScriptedProvider(now=self.clock, on_create=self._made)
        self.control = self.replica("one")

    def replica(
        self,
        name: str,
        begin: Callable[[], AbstractAsyncContextManager[Transaction]] | None = None,
        plugins: PluginFactory | None = None,
    ) -> ControlPlane:
        """Another control plane on the same store; `plugins` where it has others."""
        outside = Outside(
            begin=begin or self.store.begin,
            now=self.clock,
            new_id=self.ids,
            secrets=self.secrets,
            plugins=plugins or self._plugin,
            server_address="control-plane:50051",
            jitter=lambda: 0.5,
            hint=self.hints.append,
            monotonic=self.monotonic,
            replica=name,
            has_died=self.dead.__contains__,
            dev_mode=self.dev_mode,
        )
        return build(outside, self.policy)

    def monotonic(self) -> float:
        """Seconds since the test began, by the same clock; the machine's where loops run by themselves."""
        return time.monotonic() if self.time_runs else (self.clock() - START).total_seconds()

    def _plugin(self, provider: Provider) -> Any:
        return self.provider.plugin if provider.type is ProviderType.TEST else None

    async def _made(self, spec: WorkerSpec, otp: str) -> None:
        if self.agents_come:
            agent = self.agent(spec.worker_id)
            await agent.register(otp)
            await agent.connect()

    def agent(self, worker_id: WorkerId, **settings: Any) -> ScriptedAgent:
        """An agent that says it is this worker."""
        agent = ScriptedAgent(self.control, worker_id, self.clock(), **settings)
        self.agents[worker_id] = agent
        return agent

    async def add_provider(self, name: str = "scripted", **settings: Any) -> Provider:
        """Register the scripted provider."""
        return await self.control.register_provider(
            NewProvider(name=name, type=ProviderType.TEST, **settings)
        )

    async def add_worker(
        self, *, is_legacy: bool = False, labels: Mapping[str, str] | None = None
    ) -> ScriptedAgent:
        """A worker that was started by hand, idle and connected."""
        issued = await self.control.issue_worker_token(labels=labels)
        agent = self.agent(issued.worker_id, is_legacy=is_legacy)
        await agent.register(issued.token)
        await agent.connect()
        return agent

    async def submit(self, **spec: Any) -> Job:
        """Queue a job."""
        spec.setdefault("command", Shell("true"))
        return (await self.control.submit_job(Submission(spec=JobSpec(**spec)))).job

    async def running(self, agent: ScriptedAgent, **spec: Any) -> Job:
        """A job that this agent, the only idle one, runs."""
        job = await self.submit(**spec)
        await self.settle()
        await agent.start(agent.jobs[-1])
        assert agent.jobs[-1].id == job.id
        return await self.job(job.id)

    async def settle(self) -> None:
        """Let everything happen that happens at once."""
        engine = self.control.engine
        for _ in range(6):
            await engine.intake.settled()
            await engine.dispatcher.step()
            self.clock.advance(timedelta(milliseconds=100))  # the leader paces its rounds
            await engine.leader.step()
            await engine.deeds.settled()

    async def pass_time(self, duration: timedelta) -> None:
        """Let time go by, with a round of all loops each second."""
        engine = self.control.engine
        until = self.clock() + duration
        while self.clock() < until:
            self.clock.advance(min(TICK, until - self.clock()))
            for agent in self.agents.values():
                if agent.link.closed is None and not agent.link.breaks:
                    self.control.heartbeat(agent.link)
            await engine.flush()
            await engine.wishes()
            await engine.dispatcher.step()
            await engine.leader.step()
            await engine.deeds.settled()

    async def job(self, job_id: JobId) -> Job:
        """The job as it is stored."""
        async with self.store.begin() as tx:
            return await tx.jobs.get(job_id)

    async def attempts(self, job_id: JobId) -> list[Attempt]:
        """Its attempts as they are stored."""
        async with self.store.begin() as tx:
            return await tx.job_views.attempts(job_id)

    async def worker(self, worker_id: WorkerId) -> Worker:
        """The worker as it is stored."""
        async with self.store.begin() as tx:
            return await tx.workers.get(worker_id)

    async def live(self) -> list[Worker]:
        """The workers that are not over."""
        async with self.store.begin() as tx:
            return await tx.workers.live()

    async def events(self, correlation_id: object | None = None) -> list[str]:
        """The types of what the audit trail tells, the oldest first."""
        async with self.store.begin() as tx:
            if correlation_id is not None:
                records = await tx.audit.by_correlation(str(correlation_id))
                return [record.event_type for record in records]
            return [record.event_type for record in self.store.tables.audit.rows.values()]
