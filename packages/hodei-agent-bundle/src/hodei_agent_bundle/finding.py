"""Find the bundle for an architecture: shipped, kept from before, or built now."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from hodei_agent_bundle.build import build_archive
from hodei_agent_bundle.bundle import LOADERS, Bundle, BundleUnavailable, host_architecture
from hodei_agent_bundle.cache import Cache
from hodei_agent_bundle.discovery import AGENT
from hodei_agent_bundle.ingredients import check_host, of_this_machine
from hodei_agent_bundle.shipped import read_shipped
from hodei_agent_bundle.sources import agent_key, build_key


def find_bundle(architecture: str, cache: Path) -> Bundle:
    """The bundle for `architecture` (amd64 or arm64, as images have it).

    The one that came with the wheel if it was built from the agent that is installed, or if none is.
    Otherwise, for this machine's own architecture, one of the running Python and the installed agent, which
    is kept in `cache`: built in about two seconds, found again in some ten milliseconds. Blocks, and may be
    called by many processes at once. Raise BundleUnavailable if there is none and none can be built.
    """
    if architecture not in LOADERS:
        raise BundleUnavailable(f"there is no agent bundle for {architecture}, only for {', '.join(LOADERS)}")
    shipped = read_shipped(architecture)
    installed = agent_key() if importlib.util.find_spec(AGENT) else ""
    if shipped and shipped[1] == (installed or shipped[1]):
        return shipped[0]
    if architecture != host_architecture():
        raise BundleUnavailable(_elsewhere(architecture, stale=shipped is not None))
    check_host()
    return Cache(cache).get(
        architecture, build_key(), lambda directory: build_archive(of_this_machine(), directory)
    )


def _elsewhere(architecture: str, *, stale: bool) -> str:
    what = "is of another version than the agent" if stale else "is not in this installation"
    return (
        f"the agent bundle for {architecture} {what}, and {host_architecture()} machines do not build it "
        f"by themselves: python -m hodei_agent_bundle build --architecture {architecture}"
    )
