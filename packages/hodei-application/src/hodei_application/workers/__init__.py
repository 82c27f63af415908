"""Use cases about workers: registration, streams, heartbeats, drain."""
