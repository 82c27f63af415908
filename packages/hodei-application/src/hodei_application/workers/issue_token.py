"""A one-time password for a worker that somebody starts by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen
from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.otp import mint
from hodei_domain.workers.tokens import SECRET_BYTES
from hodei_domain.workers.worker import Worker

from hodei_application.ports import Clock, NewId, Secrets, UnitOfWork


@frozen
class IssuedToken:
    """Who may register with it, and until when. The token is shown once and kept nowhere."""

    worker_id: WorkerId
    token: str
    expires_at: datetime


@frozen(kw_only=True)
class IssueToken:
    """Expect a worker that no provider makes, and give the password that it registers with."""

    begin: UnitOfWork
    now: Clock
    new_id: NewId
    secrets: Secrets
    otp_ttl: timedelta

    async def __call__(
        self, worker_id: WorkerId | None = None, *, labels: Mapping[str, str] | None = None
    ) -> IssuedToken:
        at = self.now()
        id = worker_id or WorkerId(self.new_id())
        token, otp = mint(id, None, self.secrets(SECRET_BYTES), at=at, ttl=self.otp_ttl)
        async with self.begin() as tx:
            if not await tx.workers.find([id]):
                expected = Worker.provision(id, at=at, labels=labels, register_by=otp.expires_at)
                await tx.workers.save([expected.then(lambda w: w.created(at=at))])
            await tx.otps.put(otp)
        return IssuedToken(id, token, otp.expires_at)
