"""One-time passwords and sessions of workers: digests only."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen
from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.workers.otp import Otp
from hodei_domain.workers.session import Session as WorkerSession

from hodei_infrastructure.postgres.session import Session

_PUT_OTP = """
INSERT INTO worker_otps (worker_id, provider_id, digest, expires_at, used_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (worker_id) DO UPDATE SET provider_id = excluded.provider_id, digest = excluded.digest,
    expires_at = excluded.expires_at, used_at = excluded.used_at
"""
# The database compares digests, not passwords: what its timing could tell is of no use to anyone.
_CONSUME = """
UPDATE worker_otps SET used_at = %(at)s
WHERE worker_id = %(worker)s AND digest = %(digest)s AND used_at IS NULL AND expires_at > %(at)s
"""
_OTP = "SELECT worker_id, provider_id, digest, expires_at, used_at FROM worker_otps WHERE worker_id = %s"

_PUT_SESSION = """
INSERT INTO worker_sessions (worker_id, digest, created_at) VALUES (%s, %s, %s)
ON CONFLICT (worker_id) DO UPDATE SET digest = excluded.digest, created_at = excluded.created_at
"""
_SESSION = "SELECT worker_id, digest, created_at FROM worker_sessions WHERE worker_id = %s"


@frozen
class PostgresOtpStore:
    """OtpStore."""

    _session: Session

    async def put(self, otp: Otp) -> None:
        """See OtpStore."""
        kept = (otp.worker_id, otp.provider_id, otp.digest, otp.expires_at, otp.used_at)
        await self._session.run(_PUT_OTP, kept)

    async def consume(self, worker_id: WorkerId, digest: bytes, at: datetime) -> bool:
        """See OtpStore."""
        asked = {"worker": worker_id, "digest": digest, "at": at}
        return await self._session.run(_CONSUME, asked) == 1

    async def state(self, worker_id: WorkerId) -> Otp | None:
        """See OtpStore."""
        row = await self._session.row(_OTP, (worker_id,))
        if row is None:
            return None
        worker, provider, digest, expires_at, used_at = row
        return Otp(
            worker_id=WorkerId(worker),
            provider_id=None if provider is None else ProviderId(provider),
            digest=digest,
            expires_at=expires_at,
            used_at=used_at,
        )


@frozen
class PostgresSessionStore:
    """SessionStore."""

    _session: Session

    async def put(self, session: WorkerSession) -> None:
        """See SessionStore."""
        await self._session.run(_PUT_SESSION, (session.worker_id, session.digest, session.created_at))

    async def get(self, worker_id: WorkerId) -> WorkerSession | None:
        """See SessionStore."""
        row = await self._session.row(_SESSION, (worker_id,))
        if row is None:
            return None
        return WorkerSession(worker_id=WorkerId(row[0]), digest=row[1], created_at=row[2])
