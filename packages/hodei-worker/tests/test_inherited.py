"""Jobs start with their signals as the kernel has them at first, whoever started the agent."""

from __future__ import annotations

import subprocess
import sys

import pytest

AGENT = """
import signal, subprocess, sys
from hodei_worker.inherited import keep_signals_from_jobs
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
keep_signals_from_jobs()
signal.raise_signal(signal.SIGHUP)  # still ignored by the agent itself
subprocess.run(["grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"], check=True, stdin=subprocess.DEVNULL)
"""
C_LIBRARY = 1 << 31 | 1 << 32  # signals 32 and 33, which a process cannot set


@pytest.mark.parametrize("ignored", ["INT QUIT HUP", "USR2 TSTP ALRM"])
def test_a_job_inherits_no_ignored_and_no_blocked_signal(ignored: str) -> None:
    shell = f'trap \'\' HUP {ignored}; exec "$0" -c "$1"'
    done = subprocess.run(
        ["/bin/sh", "-c", shell, sys.executable, AGENT],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    masks = {
        name: int(mask, 16) & ~C_LIBRARY
        for name, mask in (line.split(":") for line in done.stdout.splitlines())
    }
    assert masks == {"SigBlk": 0, "SigIgn": 0}
