"""The standard input of this process, sent to a job as it comes."""

from __future__ import annotations

import array
import fcntl
import os
import select
import stat
import termios
import threading
from typing import TYPE_CHECKING

from hodei_grpc.client import CallFailed
from hodei_grpc.methods import JobExecutionService
from hodei_proto.wire.hodei import CancelJobRequest, JobId, WriteInputRequest

from hodei_cli.errors import CliError
from hodei_cli.options import current
from hodei_cli.server import known
from hodei_cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from hodei_proto.wire.hodei import WriteInputResponse

    from hodei_cli.attachment import Attached

STDIN = 0
PIECE_BYTES = 512 * 1024
# An input that is no longer than this is kept, so that another attempt can be given it from the beginning.
KEPT_BYTES = 4 * 1024 * 1024
STILL_HERE_SECONDS = 10.0  # the job's worker gives its input up after two minutes without a word
AGAIN_SECONDS = 0.25  # between tries while the server is away, which whoever follows the job waits for
NOT_HERE = "worker.not-here"


def has_input() -> bool:
    """Whether there is something to pass on: a pipe, a file or a socket, and not a terminal or nothing."""
    try:
        mode = os.fstat(STDIN).st_mode
    except OSError:  # closed
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def has_bytes() -> bool:
    """Whether there are bytes that could be read at once."""
    if not has_input():
        return False
    count = array.array("i", [0])
    try:
        fcntl.ioctl(STDIN, termios.FIONREAD, count)
    except OSError:
        return False
    return count[0] > 0


class InputSender:
    """Sends what comes, piece by piece, to the attempt that runs. It reads no further than the job does, but
    for a piece; what was not taken is kept and sent again when a server or a connection was lost on the way.

    An attempt that follows another one gets all from the beginning, as long as that is still kept. If it is
    not, the job is cancelled: it must not take the rest for the whole.
    """

    def __init__(self, attached: Attached, job_id: str, say: Callable[[str], None]) -> None:
        self._attached = attached
        self._job_id = job_id
        self._say = say
        self._options = current()  # which this thread knows, and the sender's own does not
        self._stopped = threading.Event()
        self._other: Session | None = (
            None  # a server that holds the worker's stream, where the nearest does not
        )
        self._tried = 0
        self._attempt = 0
        self._kept = bytearray()
        self._start = 0  # where in the input what is kept begins
        self._taken = 0  # before this the attempt has everything
        self._ended = False  # all was read

    def __enter__(self) -> InputSender:
        threading.Thread(target=self._run, name="input", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._fill()
                self._send()
            except CallFailed as failure:
                if failure.code == NOT_HERE:
                    self._look_elsewhere()
                self._stopped.wait(AGAIN_SECONDS)
            except CliError:  # the server is away, or another one is talked to now
                self._other = None
                self._stopped.wait(AGAIN_SECONDS)

    def _fill(self) -> None:
        """Read until there is a piece to send, the input ends, or nothing more is there at present."""
        while not self._ended and self._unsent < PIECE_BYTES:
            if not select.select([STDIN], [], [], 0 if self._unsent else STILL_HERE_SECONDS)[0]:
                return
            try:
                data = os.read(STDIN, PIECE_BYTES)
            except OSError:  # whoever wrote it is gone
                data = b""
            self._ended = not data
            self._kept += data

    @property
    def _unsent(self) -> int:
        return self._start + len(self._kept) - self._taken

    def _send(self) -> None:
        begin = self._taken - self._start
        piece = bytes(self._kept[begin : begin + PIECE_BYTES])
        request = WriteInputRequest(
            job_id=JobId(value=self._job_id),
            attempt=self._attempt,
            offset=self._taken,
            data=piece,
            end=self._ended and len(piece) == self._unsent,
        )
        session = self._other or self._attached.session
        self._heed(session.call(JobExecutionService.write_input, request))

    def _heed(self, answer: WriteInputResponse) -> None:
        if answer.attempt and answer.attempt != self._attempt:
            self._begin_again(answer.attempt)
        elif answer.attempt:
            self._taken = max(min(answer.offset, self._taken + self._unsent), self._start)
            self._forget()
        if answer.closed:  # another attempt may follow all the same
            self._stopped.wait(STILL_HERE_SECONDS / 2)

    def _forget(self) -> None:
        """Keep all while it is little; then only what was not taken."""
        if self._start or len(self._kept) > KEPT_BYTES:
            del self._kept[: self._taken - self._start]
            self._start = self._taken

    def _begin_again(self, attempt: int) -> None:
        self._attempt, self._taken = attempt, self._start
        if not self._start:
            return
        self._stopped.set()
        why = (
            f"its input cannot be given to attempt {attempt}: the first {self._start} bytes were read already"
        )
        self._say(f"the job is cancelled: {why}")
        request = CancelJobRequest(job_id=JobId(value=self._job_id), reason=why)
        self._attached.session.call(JobExecutionService.cancel_job, request)

    def _look_elsewhere(self) -> None:
        """Ask the next of the servers that were named, or are on this machine."""
        servers = known(self._options)
        if not servers:
            return
        if self._other is not None:
            self._other.close()
        self._other = Session(servers[self._tried % len(servers)])
        self._tried += 1
