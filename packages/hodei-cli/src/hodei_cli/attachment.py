"""The server that a run talks to: found or started, and another one when it went away."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from grpc import StatusCode
from hodei_grpc.client import CallFailed
from hodei_grpc.methods import JobExecutionService
from hodei_proto.wire.hodei import CancelJobRequest, JobId

from hodei_cli.errors import CliError, NoServer
from hodei_cli.exits import Exit
from hodei_cli.private import PrivateServer, found_or_started
from hodei_cli.program import as_typed
from hodei_cli.server import of_this_machine
from hodei_cli.session import Session

if TYPE_CHECKING:
    from hodei_cli.options import Options

T = TypeVar("T")

# A restarting server is back within seconds; its jobs run on meanwhile, so waiting is right.
PATIENCE_SECONDS = 60.0
# On this machine nobody else may come: a server that another `hodei run` had started leaves with it.
COMES_BACK_SECONDS = 3.0
TRIES = 20
PAUSE_SECONDS = 0.25


class Patience:
    """Waits for a server that went away, longer each time, and gives up after PATIENCE_SECONDS.

    `goes_on` is what does not need the server, `again` the command for when it is back.
    """

    def __init__(self, say: Callable[[str], None], goes_on: str, again: str) -> None:
        self._say = say
        self._goes_on = goes_on
        self._again = again
        self.told = ""  # what the server itself says it lacks
        self._pause = threading.Event()
        self.begin_again()

    def begin_again(self) -> None:
        """The server was back: count from here."""
        self._since: float | None = None
        self._delay = 0.1

    @property
    def seconds(self) -> float:
        """How long it waits already."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def once_more(self, address: str) -> None:
        """Wait a little. Raise CliError when it has been long enough."""
        if self._since is None:
            self._since = time.monotonic()
            trouble = self.told or f"lost the server at {address}"
            self._say(f"{trouble}; {self._goes_on}, waiting for the server")
        if self.seconds > PATIENCE_SECONDS:
            raise CliError(
                self.told or f"the server at {address} did not come back",
                Exit.UNAVAILABLE,
                f"{self._goes_on.capitalize()} without it. When it is back: {self._again}",
            )
        self._pause.wait(self._delay)
        self._delay = min(self._delay * 2, 2.0)


class Attached(Protocol):
    """What following a job needs of the way to its server."""

    @property
    def session(self) -> Session:
        """The session to call now; another one after recover()."""

    def recover(self, patience: Patience) -> None:
        """Return when another try is worth it after NoServer. Raise CliError when none is."""


def patiently(
    attached: Attached, patience: Patience, call: Callable[[], T], heard: Callable[[], object]
) -> T:
    """Call until the call returns, also if the server or its database goes away and comes back. `heard` is
    another value whenever something was heard of the server: then patience begins again.
    """
    while True:
        before = heard()
        try:
            return call()
        except NoServer:
            patience.told = ""
        except CallFailed as failure:
            if failure.status is not StatusCode.UNAVAILABLE:
                raise
            patience.told = failure.message
        if heard() != before:
            patience.begin_again()
        attached.recover(patience)


def say(text: str) -> None:
    """A line of Hodei's own on stderr."""
    print(f"hodei: {as_typed(text)}", file=sys.stderr, flush=True)


class Fixed:
    """The server that was named or found, whatever else there may be on this machine."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def recover(self, patience: Patience) -> None:
        """Wait for the same server, or for another one of those that were named."""
        patience.once_more(self.session.server.address)
        self.session.look_again()


class Attachment:
    """While it is entered there is a server that has the job.

    `give` queues the job at a server and returns its id. It is called for each server anew, so it must name
    the job by `id`: then however often it is called, it is the same job.
    """

    session: Session
    job_id: str

    def __init__(self, options: Options, id: str, give: Callable[[Session], str]) -> None:
        self._options = options
        self._id = id
        self._give = give
        self._stack = ExitStack()
        self._private: PrivateServer | None = None

    def __enter__(self) -> Attachment:
        self._attach()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def recover(self, patience: Patience) -> None:
        """Wait for the server; on this machine look for its successor, and be it when nobody else is."""
        if self._private is not None and not self._private.lives():
            raise self._private.failure()
        patience.once_more(self.session.server.address)
        if not self.session.server.here or self._private is not None:
            self.session.look_again()
            return
        if patience.seconds > COMES_BACK_SECONDS or of_this_machine(self._options) is not None:
            self._attach()

    def _attach(self) -> None:
        """Find or start a server and give it the job. One that is about to leave is looked for again."""
        self._stack.close()
        for tries in range(1, TRIES + 1):
            with ExitStack() as trial:
                server, self._private = trial.enter_context(found_or_started(self._options))
                self.session = trial.enter_context(Session(server))
                try:
                    self.job_id = self._given()
                except NoServer:
                    if self._private is not None or self._options.server or tries == TRIES:
                        raise
                else:
                    self._stack = trial.pop_all()
                    return
            threading.Event().wait(PAUSE_SECONDS)

    def _given(self) -> str:
        if self._private is not None:
            self._private.own(self._id)
        try:
            return self._give(self.session)
        except KeyboardInterrupt:  # nobody knows whether it is queued already
            cancel(self.session, self._id)
            raise


def cancel(session: Session, job_id: str) -> None:
    """Ask for the end of the job. It may have ended meanwhile, which is refused and no news."""
    request = CancelJobRequest(job_id=JobId(value=job_id), reason="asked at the terminal")
    with suppress(CliError, CallFailed):
        session.call(JobExecutionService.cancel_job, request)
