"""Register a worker."""

from __future__ import annotations

import logging
from datetime import datetime

from attrs import field, frozen
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.errors import BadToken, WorkerGone, WorkerNotFound
from hodei_domain.workers.otp import parse_token
from hodei_domain.workers.session import open_session, parse_session
from hodei_domain.workers.spec import WorkerInfo
from hodei_domain.workers.tokens import SECRET_BYTES
from hodei_domain.workers.worker import Worker

from hodei_application.ports import Clock, NewId, Secrets, Transaction, UnitOfWork

log = logging.getLogger("hodei.workers")

DEV_PREFIX = "dev-"


@frozen(kw_only=True)
class Registration:
    """What an agent presents. `worker_id` is who it says it is, if it says so."""

    token: str = ""
    session_id: str = ""
    worker_id: WorkerId | None = None
    info: WorkerInfo = field(factory=WorkerInfo)


@frozen
class Registered:
    """The worker is known; the session proves it on its streams."""

    worker_id: WorkerId
    session_id: str
    registered_at: datetime


@frozen(kw_only=True)
class RegisterWorker:
    """Let a worker in by its one-time password, or again by its session.

    A valid session is accepted before the password is looked at, so a worker that lost its stream can come
    back with its used password. Of two that race for one password exactly one gets in: it is consumed by
    one conditional update in the same transaction. Every refusal is BadToken; its text is for the worker's
    own log and names no secret.

    A worker that was let in before, and of which there is no trace here, was let in by a server on another
    database, or this one was restored: WorkerNotFound, so that it asks again for as long as its lease lasts.
    """

    begin: UnitOfWork
    now: Clock
    new_id: NewId
    secrets: Secrets
    dev_mode: bool = False

    async def __call__(self, registration: Registration) -> Registered:
        try:
            async with self.begin() as tx:
                registered = await self._by_session(tx, registration)
                if registered is None:
                    registered = await self._by_token(tx, registration)
        except WorkerGone as gone:
            raise BadToken(gone.message) from gone
        log.info("Worker %s registered from %s", registered.worker_id, registration.info.hostname or "?")
        return registered

    async def _by_session(self, tx: Transaction, registration: Registration) -> Registered | None:
        if not registration.session_id:
            return None
        try:
            presented = parse_session(registration.session_id)
        except BadToken:
            return None
        if registration.worker_id not in (None, presented.worker_id):
            raise BadToken("the session belongs to another worker")
        session = await tx.sessions.get(presented.worker_id)
        if session is None or not session.admits(presented):
            return None
        at = await self._save(tx, presented.worker_id, registration.info)
        return Registered(presented.worker_id, registration.session_id, at)

    async def _by_token(self, tx: Transaction, registration: Registration) -> Registered:
        if self.dev_mode and registration.token.startswith(DEV_PREFIX):
            worker_id = await self._developer(tx, registration)
        else:
            worker_id = await self._consume(tx, registration)
        at = await self._save(tx, worker_id, registration.info)
        session_id, session = open_session(worker_id, self.secrets(SECRET_BYTES), at=at)
        await tx.sessions.put(session)
        return Registered(worker_id, session_id, at)

    async def _consume(self, tx: Transaction, registration: Registration) -> WorkerId:
        presented = parse_token(registration.token)
        worker_id = presented.worker_id
        if registration.worker_id not in (None, worker_id):
            raise BadToken("the token belongs to another worker")
        at = self.now()
        if not await tx.otps.consume(worker_id, presented.digest, at):
            kept = await tx.otps.state(worker_id)
            if kept is None and registration.session_id and not await tx.workers.find([worker_id]):
                raise WorkerNotFound(f"this database knows no worker {worker_id}")
            why = None if kept is None else kept.refusal(presented.digest, at)
            raise BadToken(why or "the token is not known")
        return worker_id

    async def _developer(self, tx: Transaction, registration: Registration) -> WorkerId:
        """A worker that somebody started by hand in development mode: it needs no row before it comes."""
        worker_id = registration.worker_id or WorkerId(self.new_id())
        if not await tx.workers.find([worker_id]):
            await tx.workers.save([Worker.provision(worker_id, at=self.now())])
        return worker_id

    async def _save(self, tx: Transaction, worker_id: WorkerId, info: WorkerInfo) -> datetime:
        worker = (await tx.workers.lock([worker_id])).get(worker_id)
        if worker is None:
            raise BadToken("the worker is not known")
        change = worker.register(info, at=self.now())
        await tx.workers.save([change])
        return change.after.changed_at


@frozen
class AuthenticateSession:
    """Who speaks on a stream. Raises BadToken."""

    begin: UnitOfWork

    async def __call__(self, session_id: str) -> WorkerId:
        presented = parse_session(session_id)
        async with self.begin() as tx:
            session = await tx.sessions.get(presented.worker_id)
        if session is None or not session.admits(presented):
            raise BadToken("the session is not known")
        return presented.worker_id
