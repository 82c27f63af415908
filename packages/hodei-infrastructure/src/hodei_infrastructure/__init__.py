"""Adapters of the Hodei job platform: Postgres, local processes."""
