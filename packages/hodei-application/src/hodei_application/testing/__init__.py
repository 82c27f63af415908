"""A control plane over fakes, and agents that do what a test says, for tests of use cases and edges."""

from hodei_application.testing.agent import ScriptedAgent, ScriptedLink
from hodei_application.testing.world import World

__all__ = ["ScriptedAgent", "ScriptedLink", "World"]
