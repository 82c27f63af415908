"""The agent of the Hodei job platform as one archive that starts in any Linux image."""

from hodei_agent_bundle.bundle import Bundle, BundleUnavailable
from hodei_agent_bundle.finding import find_bundle

__all__ = ["Bundle", "BundleUnavailable", "find_bundle"]
