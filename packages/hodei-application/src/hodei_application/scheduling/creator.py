"""Has providers make the workers that are intended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from attrs import define, field
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.result import JobResult
from hodei_domain.kernel.change import Change
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.errors import StoreUnavailable
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.providers.errors import ProviderUnavailable, WorkerNotCreated
from hodei_domain.providers.plugin import ProviderPlugin
from hodei_domain.providers.records import PresenceState
from hodei_domain.workers.otp import TTL as OTP_TTL
from hodei_domain.workers.otp import mint
from hodei_domain.workers.spec import WorkerSpec
from hodei_domain.workers.tokens import SECRET_BYTES
from hodei_domain.workers.worker import Worker, WorkerState

from hodei_application.deeds import Deeds
from hodei_application.identity import Identity
from hodei_application.jobs.moves import Moves
from hodei_application.ports import Clock, Secrets, UnitOfWork
from hodei_application.providers.provider_change import ProviderChange
from hodei_application.repeat import repeat
from hodei_application.scheduling.backoffs import ANY_CLASS, Backoffs
from hodei_application.scheduling.kinds import Kinds
from hodei_application.scheduling.landscape import Landscape
from hodei_application.scheduling.live_config import LiveConfig
from hodei_application.scheduling.provisionings import STARTED, Provisionings
from hodei_application.signals import Signals

log = logging.getLogger("hodei.scheduling")

GIVEN_UP_AT_ONCE = 500
"""Jobs of a class that cannot be served that are ended in one transaction."""


@define(eq=False, kw_only=True)
class Creator:
    """Turns CREATING rows into workers: the row is the intent, and the call is repeated until the provider
    confirms it.

    The one-time password is minted when the call is made; only its digest is kept. A row that another
    process left behind may have been acted on already: then the engine is asked first, for a second
    password would never reach the worker.
    """

    begin: UnitOfWork
    now: Clock
    secrets: Secrets
    server_address: str
    deeds: Deeds
    landscape: Landscape
    kinds: Kinds
    config: LiveConfig
    backoffs: Backoffs
    provisionings: Provisionings
    providers: ProviderChange
    moves: Moves
    signals: Signals
    identity: Identity
    otp_ttl: timedelta = OTP_TTL
    _own: set[WorkerId] = field(factory=set, init=False)

    def intend(self, workers: Iterable[Worker]) -> None:
        """These were just written by this process: nobody has acted on them."""
        self._own.update(worker.id for worker in workers)

    def pursue(self, worker: Worker) -> None:
        """See to it that the worker is made."""
        self.deeds.start(("create", worker.id), lambda: self._create(worker))

    async def _create(self, worker: Worker) -> None:
        plugin = self.landscape.plugin(worker.provider_id)
        if plugin is None or worker.provider_id is None:
            await self._withdraw(worker, "its provider is not available on this control plane")
            return
        try:
            is_new = worker.id in self._own or not await self._exists(plugin, worker.id)
            if is_new and not await self._make(plugin, worker, worker.provider_id):
                return
        except WorkerNotCreated as error:
            await self._refused(worker, worker.provider_id, error)
        except ProviderUnavailable as error:
            await self._failed(worker, worker.provider_id, ANY_CLASS, error.message)
        except TimeoutError:
            await self._failed(worker, worker.provider_id, worker.demand.key, self._too_long())
        except StoreUnavailable:
            raise
        except Exception as error:  # a plugin's bug must not be repeated at every turn of the loop
            log.exception("Provider %s failed to make a worker", self.landscape.name(worker.provider_id))
            await self._failed(worker, worker.provider_id, worker.demand.key, repr(error))
        else:
            await self._confirm(worker, worker.provider_id)
        finally:
            self._own.discard(worker.id)

    def _too_long(self) -> str:
        within = self.config.now.register_within.total_seconds()
        return f"creating it took too long (register_within: {within:g} s)"

    async def _exists(self, plugin: ProviderPlugin, worker_id: WorkerId) -> bool:
        return (await plugin.lifecycle.worker_status(worker_id)).state is not PresenceState.ABSENT

    async def _password(self, worker: Worker) -> str | None:
        """A fresh password for it; None when it is not wanted any more."""
        async with self.begin() as tx:
            row = (await tx.workers.lock([worker.id])).get(worker.id)
            if row is None or row.state is not WorkerState.CREATING:
                return None
            token, otp = mint(
                worker.id,
                worker.provider_id,
                self.secrets(SECRET_BYTES),
                at=self.now(),
                ttl=self.otp_ttl,
            )
            await tx.otps.put(otp)
        return token

    async def _make(self, plugin: ProviderPlugin, worker: Worker, provider_id: ProviderId) -> bool:
        """Have it made; False when it is not wanted any more.

        What takes long comes before the password, which is good for minutes only.
        """
        spec = WorkerSpec(
            worker_id=worker.id,
            provider_id=provider_id,
            demand=worker.demand,
            server_address=await self._address_for(plugin),
            otp_ttl=self.otp_ttl,
            labels=worker.labels,
            expires_at=worker.expires_at,
            database=self.identity.id,
        )
        if plugin.preparation is not None:
            await plugin.preparation.prepare(spec)
        token = await self._password(worker)
        if token is None:
            return False
        async with asyncio.timeout(self.config.now.register_within.total_seconds()):
            await plugin.lifecycle.create_worker(spec, token)
        return True

    async def _address_for(self, plugin: ProviderPlugin) -> str:
        return self.server_address if plugin.server_address is None else await plugin.server_address()

    async def _confirm(self, worker: Worker, provider_id: ProviderId) -> None:
        due = self.now() + self.config.now.register_within
        await self._move(worker.id, lambda w: w.created(at=self.now(), register_by=due))
        await self.provisionings.stage(worker.id, STARTED)
        self.backoffs.worked(provider_id, worker.demand.key)
        provider = self.landscape.provider(provider_id)
        if provider is not None and provider.failures:
            await self.providers.on(provider_id, lambda p: p.report_health(True, "", at=self.now()))

    async def _refused(self, worker: Worker, provider_id: ProviderId, error: WorkerNotCreated) -> None:
        """Nothing was left behind. Final: it will not for any job of this class, so these end with the
        reason.
        """
        if not error.final:
            await self._put_off(worker, provider_id, worker.demand.key, error.message)
            return
        log.warning("No worker can be made for %s: %s", worker.demand, error.message)
        self.backoffs.refused(provider_id, worker.demand.key, self.now())
        await self.provisionings.failed(worker.id, error.message)
        await self._move(worker.id, lambda w: w.ended(at=self.now(), why=error.message))
        result = JobResult(reason=error.reason, message=error.message)
        while await self._give_up(worker.demand, result) == GIVEN_UP_AT_ONCE:
            pass

    async def _give_up(self, made_for: DemandClass, result: JobResult) -> int:
        """End waiting jobs of the classes that this worker was to serve; how many."""
        async with self.begin() as tx:
            waiting = await tx.queue.waiting(1)
            keys = {made_for.key}
            keys |= {e.demand.key for e in waiting if self.kinds.wanted(e.demand).key == made_for.key}
            jobs = await tx.queue.claim(sorted(keys), GIVEN_UP_AT_ONCE)
            changes: list[Change[Job]] = [job.give_up(result, at=self.now()) for job in jobs]
            await tx.jobs.save(changes)
        self.moves(change.after for change in changes)
        return len(changes)

    async def _failed(self, worker: Worker, provider_id: ProviderId, key: str, message: str) -> None:
        """The provider itself does badly."""
        await self._put_off(worker, provider_id, key, message)
        await self.providers.on(provider_id, lambda p: p.report_health(False, message, at=self.now()))

    async def _put_off(self, worker: Worker, provider_id: ProviderId, key: str, message: str) -> None:
        """The identity is burnt; another worker with a new one follows after a while.

        That says nothing of the provider: a registry that is away must not close it for other images.
        """
        retry_at = self.backoffs.failed(provider_id, key, self.now(), message)
        log.warning("Worker %s was not made, the next try is at %s: %s", worker.id, retry_at, message)
        await self.provisionings.failed(worker.id, message)
        await self._withdraw(worker, message)

    async def _withdraw(self, worker: Worker, why: str) -> None:
        """It may exist in part: destroying makes sure that nothing is left."""
        await self._move(worker.id, lambda w: w.terminate(at=self.now(), why=why))
        self.signals.cleanup()

    async def _move(self, worker_id: WorkerId, move: Callable[[Worker], Change[Worker]]) -> None:
        async def transact() -> None:
            async with self.begin() as tx:
                worker = (await tx.workers.lock([worker_id])).get(worker_id)
                if worker is not None and not worker.is_over:
                    await tx.workers.save([move(worker)])

        await repeat(transact)
