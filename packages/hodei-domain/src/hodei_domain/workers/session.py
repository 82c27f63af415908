"""Sessions: how a registered worker proves on each stream that it is itself."""

import hmac
from datetime import datetime

from attrs import field, frozen

from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.tokens import Presented, read_token, write_token

PREFIX = "hods"


@frozen(kw_only=True)
class Session:
    """What is kept of a session secret. A worker has one; a new one replaces the old."""

    worker_id: WorkerId
    digest: bytes = field(repr=False)
    created_at: datetime

    def admits(self, presented: Presented) -> bool:
        """Whether that token belongs to this session."""
        same = hmac.compare_digest(self.digest, presented.digest)
        return same and presented.worker_id == self.worker_id


def open_session(worker_id: WorkerId, secret: bytes, *, at: datetime) -> tuple[str, Session]:
    """A session's token, `hods_<worker id>.<secret>`, and what to keep of it. `secret`: 32 random bytes."""
    token, digest = write_token(PREFIX, worker_id, secret)
    return token, Session(worker_id=worker_id, digest=digest, created_at=at)


def parse_session(text: str) -> Presented:
    """Take a session token apart. Raises BadToken."""
    return read_token(PREFIX, text)
