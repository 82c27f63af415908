"""The session of a browser: a cookie that is worth the token for a while, and is not the token."""

from __future__ import annotations

import hmac
from hashlib import blake2b
from http.cookies import CookieError, SimpleCookie

COOKIE = "hodei_session"
LASTS_S = 7 * 86_400


def make(token: str, now: float) -> str:
    """The cookie's value. Nothing is kept of it: each replica that knows the token can check it."""
    until = str(int(now) + LASTS_S)
    return f"{until}.{_sign(token, until)}"


def is_good(value: str, token: str, now: float) -> bool:
    """Whether it was made with this token and is not over."""
    until, _, signature = value.partition(".")
    if not until.isdecimal() or len(until) > 12 or int(until) < now:
        return False
    return hmac.compare_digest(signature.encode(), _sign(token, until).encode())


def read(header: str) -> str:
    """Our cookie in a Cookie header; "" if it is not there."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _sign(token: str, until: str) -> str:
    return blake2b(f"session:{until}".encode(), key=token.encode()[:64], digest_size=32).hexdigest()
