"""Peers: other job queues on the same Postgres, in the same run, measured in the same way."""
