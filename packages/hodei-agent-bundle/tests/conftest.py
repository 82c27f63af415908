"""What the bundle's tests share."""

from hodei_agent_bundle.testing import agent_bundle, agent_volume, docker_engine

__all__ = ["agent_bundle", "agent_volume", "docker_engine"]
