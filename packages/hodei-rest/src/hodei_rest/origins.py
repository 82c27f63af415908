"""From which pages a browser may call.

A page of another site can make a browser send requests here, to a server on the user's own machine, too. It
must not change anything, and it must not read anything by giving its own name this machine's address.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import ClassVar
from urllib.parse import urlsplit

from attrs import frozen
from hodei_domain.kernel.errors import Denied, Kind

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignHost(Denied):
    """The request was meant for another name than this machine's."""

    kind: ClassVar[Kind] = Kind.DENIED
    code: ClassVar[str] = "host-not-allowed"


class ForeignOrigin(Denied):
    """A page of another site made the browser ask."""

    kind: ClassVar[Kind] = Kind.DENIED
    code: ClassVar[str] = "origin-not-allowed"


@frozen
class Origins:
    """`only_loopback` refuses other names than this machine's; `allowed` are origins of other pages that may
    call.
    """

    only_loopback: bool
    allowed: Collection[str] = ()

    def refuses(self, method: str, headers: Mapping[str, str]) -> Denied | None:
        """Why this must not happen, or None. A WebSocket has the method "WEBSOCKET"."""
        host = headers.get("host", "")
        if self.only_loopback and not is_loopback(host):
            return ForeignHost(
                f"in development mode this server answers to localhost only, not to {host[:256]!r}; "
                "set HODEI_DEV_MODE=0 to be reached by other names"
            )
        if method in SAFE:
            return None
        origin = headers.get("origin")
        if origin is None:
            foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        else:
            foreign = urlsplit(origin).netloc.lower() != host.lower() and origin not in self.allowed
        if not foreign:
            return None
        return ForeignOrigin(
            f"a page of {(origin or 'another site')[:256]} asked for this; HODEI_CORS_ORIGINS lets it in"
        )


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine by a name that nobody else can give."""
    name = urlsplit(f"//{host}").hostname if _is_plain(host) else None
    if name is None:
        return False
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _is_plain(host: str) -> bool:
    try:
        urlsplit(f"//{host}").port  # noqa: B018  (raises for what is no port)
    except ValueError:
        return False
    return bool(host) and not set(host) & set("/?#@\\ ")
