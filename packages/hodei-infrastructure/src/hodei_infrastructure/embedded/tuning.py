"""How the embedded Postgres is set: for one small machine, one application, no replication."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from attrs import frozen

_MAIN = {
    # One unix socket in a private directory is the only way in.
    "listen_addresses": "",
    "port": "5432",  # a part of the socket's name
    "unix_socket_permissions": "0700",
    # Nobody replicates or archives this log; `minimal` also spares it the contents of new tables.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    # Fewer, longer checkpoints: each first change of a page after one writes the whole page to the log.
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    # Compiling queries takes longer than ours run; so does planning for helpers on two cores.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "random_page_cost": "1.1",
    # The queue's tables turn over completely every few seconds.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_cost_delay": "1ms",
    "idle_in_transaction_session_timeout": "5min",  # a lost client must not stop vacuum for ever
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "hodei",
}
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "checkpoint_timeout": "1h"}


@frozen(kw_only=True)
class Tuning:
    """What differs between uses. `fast` is for tests: a crash of the machine may destroy the database."""

    fast: bool = False
    max_connections: int = 60
    shared_buffers_mib: int = 128
    start_timeout: timedelta = timedelta(
        minutes=2
    )  # after a crash the log since the last checkpoint is replayed
    stop_timeout: timedelta = timedelta(seconds=30)

    def options(self, major: int, socket_dir: Path) -> list[str]:
        """The arguments of `postgres`."""
        chosen = _MAIN | {
            "unix_socket_directories": str(socket_dir),
            "max_connections": str(self.max_connections),
            "shared_buffers": f"{self.shared_buffers_mib}MB",
        }
        if major >= 18:
            chosen["io_method"] = "sync"  # three helper processes less; all of it is in memory anyway
        if self.fast:
            chosen |= _FAST
        return [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
