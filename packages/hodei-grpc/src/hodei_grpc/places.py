"""Addresses as they are written."""

from typing import Final

EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104  (compared with, not bound to)


def join(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
