"""The thread that starts the postgres process, waits for it, and starts it again when it dies uncalled."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from hodei_infrastructure.embedded.errors import PostgresDidNotStart

logger = logging.getLogger("hodei.postgres")

_POLL_S = 0.003  # as long as the process starts; later nothing polls
# Seconds before each further start: processes of the dead one may hold its shared memory for a moment.
_AGAIN_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_CALM_S = 60.0  # after this long a death counts as the first again


class Keeper:
    """Keeps one postgres process running from `start` to `stop`.

    The kernel sends the death signal (see `enter.py`) when the *thread* that started a process ends, not the
    process. So the process is started by a thread of its own that lives as long as it does.
    """

    def __init__(self, spawn: Callable[[], subprocess.Popen[bytes]], pid_file: Path, log: Path) -> None:
        self._spawn = spawn
        self._pid_file = pid_file
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: BaseException | None = None
        self._was_ready = False
        self._changed = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="hodei-postgres", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process id of the running postgres."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self, timeout: timedelta) -> None:
        """Start and wait until it takes connections. Raise PostgresDidNotStart, with nothing left running."""
        self._thread.start()
        deadline = time.monotonic() + timeout.total_seconds()
        try:
            while not self._is_ready():
                if self._failure is not None or time.monotonic() > deadline:
                    raise PostgresDidNotStart(f"postgres did not start: {self._last_words()}")
                time.sleep(_POLL_S)
        except BaseException:
            self.stop(timedelta(seconds=5))
            raise

    def stop(self, timeout: timedelta) -> None:
        """Fast shutdown: open transactions are rolled back. Harder after `timeout`. Twice is not an error."""
        self._stopping.set()
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with self._changed:
                if self._process is not None and self._process.poll() is None:
                    self._process.send_signal(how)
            if self._thread.ident is not None:
                self._thread.join(timeout.total_seconds())
            if not self._thread.is_alive():
                return

    def _keep(self) -> None:
        deaths = 0
        while (process := self._begin()) is not None:
            began = time.monotonic()
            status = process.wait()
            if self._stopping.is_set():
                return
            if not self._was_ready:
                self._failure = PostgresDidNotStart(f"it ended with status {status}")
                return
            deaths = 1 if time.monotonic() - began > _CALM_S else deaths + 1
            logger.error("postgres died, starting it again", extra={"status": status, "deaths": deaths})
            self._stopping.wait(_AGAIN_S[min(deaths, len(_AGAIN_S)) - 1])

    def _begin(self) -> subprocess.Popen[bytes] | None:
        with self._changed:  # stop() looks at the process under the same lock, so it misses none
            if self._stopping.is_set():
                return None
            try:
                self._process = self._spawn()
            except OSError as error:
                logger.exception("postgres cannot be started")
                self._failure = error
                return None
            return self._process

    def _is_ready(self) -> bool:
        """Whether the pid file says so, as pg_ctl asks: line 1 is the process, line 8 the state."""
        pid = self.pid
        try:
            lines = self._pid_file.read_text().splitlines()
        except OSError:
            return False
        ready = len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
        self._was_ready = self._was_ready or ready
        return ready

    def _last_words(self) -> str:
        try:
            said = self._log.read_text(errors="replace").strip()[-2000:]
        except OSError as error:
            said = str(error)
        return said or str(self._failure or "it said nothing")
