"""One-time passwords: how a new worker proves that we made it."""

import hmac
from datetime import datetime, timedelta

from attrs import field, frozen

from hodei_domain.kernel.ids import ProviderId, WorkerId
from hodei_domain.workers.tokens import Presented, read_token, write_token

PREFIX = "hodw"
TTL = timedelta(seconds=300)


@frozen(kw_only=True)
class Otp:
    """What is kept of a one-time password: never the password."""

    worker_id: WorkerId
    provider_id: ProviderId | None
    digest: bytes = field(repr=False)
    expires_at: datetime
    used_at: datetime | None = None

    def refusal(self, digest: bytes, at: datetime) -> str | None:
        """Why this digest is refused at that instant, for the log and the worker; None if it is good."""
        if not hmac.compare_digest(self.digest, digest):
            return "the token is not this worker's"
        if self.used_at is not None:
            return "the token was used already"
        return "the token has expired" if at >= self.expires_at else None


def mint(
    worker_id: WorkerId, provider_id: ProviderId | None, secret: bytes, *, at: datetime, ttl: timedelta = TTL
) -> tuple[str, Otp]:
    """A password for this worker, `hodw_<worker id>.<secret>`, and what to keep of it.

    `secret`: 32 random bytes.
    """
    token, digest = write_token(PREFIX, worker_id, secret)
    return token, Otp(worker_id=worker_id, provider_id=provider_id, digest=digest, expires_at=at + ttl)


def parse_token(text: str) -> Presented:
    """Take a one-time password apart. Raises BadToken."""
    return read_token(PREFIX, text)
