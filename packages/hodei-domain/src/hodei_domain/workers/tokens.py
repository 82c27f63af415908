"""Secrets that workers carry: `<prefix>_<worker id in hex>.<secret>`.

The id finds the row, the digest proves the secret.

The secret has 256 random bits, so a plain SHA-256 is enough: nothing can be guessed that a slow hash would
protect.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from uuid import UUID

from attrs import field, frozen

from hodei_domain.kernel.ids import WorkerId
from hodei_domain.workers.errors import BadToken

SECRET_BYTES = 32


@frozen
class Presented:
    """What a token says: who, and the digest of the secret."""

    worker_id: WorkerId
    digest: bytes = field(repr=False)


def write_token(prefix: str, worker_id: WorkerId, secret: bytes) -> tuple[str, bytes]:
    """The token's text and the digest to keep. Raises ValueError for a secret that is not 32 bytes long."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"the secret needs {SECRET_BYTES} bytes")
    text = urlsafe_b64encode(secret).rstrip(b"=").decode()
    return f"{prefix}_{worker_id.hex}.{text}", sha256(secret).digest()


def read_token(prefix: str, text: str) -> Presented:
    """Take a token apart. Raises BadToken, without repeating the token."""
    head, dot, tail = text.partition(".")
    mark, line, worker = head.partition("_")
    if mark != prefix or not line or not dot or len(text) > 256:
        raise BadToken("the token is malformed")
    try:
        secret = urlsafe_b64decode(tail.encode("ascii") + b"=" * (-len(tail) % 4))
        worker_id = WorkerId(UUID(hex=worker))
    except ValueError:
        raise BadToken("the token is malformed") from None
    if len(secret) != SECRET_BYTES:
        raise BadToken("the token is malformed")
    return Presented(worker_id, sha256(secret).digest())
