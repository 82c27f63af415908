"""The network between agents, clients and replicas: connections that deliver in order, late, or not at all.

A message that was sent is on its way; while the path in its direction is blocked it waits there, as a TCP
segment that is sent again and again. Nobody is told. A connection that stays blocked is given up by each
side by itself, after keepalive's 20 to 30 seconds, and then all that was on its way is lost or, if the path
comes back, still arrives: both happen.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, suppress
from random import Random
from typing import Any, TypeVar

import grpc
import grpc.aio
from hodei_application.workers.link import LinkClosed
from hodei_grpc.caller import SESSION_KEY
from hodei_grpc.services.agents import WorkerAgents
from hodei_grpc.status import refusal
from hodei_proto.wire import hodei as wire

from simulation.history import History
from simulation.loop import NODE, Node
from simulation.process import Script

T = TypeVar("T")

WINDOW = 32  # messages that may be on their way before a writer waits
REFUSED_AFTER = 0.02
CALL_SECONDS = 10.0
KEEPALIVE = (20.0, 30.0)

EOF, ERROR = "eof", "error"


def rpc_error(code: grpc.StatusCode, text: str) -> grpc.aio.AioRpcError:
    """What grpc.aio raises."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), text)


class Inbox:
    """What has arrived at one end. Ends with `close`, after what came before."""

    def __init__(self) -> None:
        self.items: deque[Any] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self.end: Any = None

    def put(self, item: Any) -> None:
        """Something arrived."""
        if self.end is None:
            self.items.append(item)
            self._ring()

    def close(self, end: Any, *, now: bool = False) -> None:
        """Nothing follows; with `now` even what is there is lost."""
        if self.end is None:
            self.end = end
            if now:
                self.items.clear()
            self._ring()

    def _ring(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Any:
        """The next item, or what closed it."""
        while not self.items:
            if self.end is not None:
                return self.end
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self.items.popleft()


class Pipe:
    """One direction of a connection."""

    def __init__(self, net: Network, source: str, target: str, inbox: Inbox) -> None:
        self._net = net
        self._path = (source, target)
        self._inbox = inbox
        self._stuck: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._last = 0.0
        self._room: asyncio.Event = asyncio.Event()
        self.on_way = 0
        self.cut = False

    async def write(self, item: Any) -> None:
        """Put it on its way; waits while too much is on its way."""
        while self.on_way >= WINDOW:
            self._room.clear()
            await self._room.wait()
        self.on_way += 1
        self._post(self._inbox.put, item)

    def post(self, item: Any) -> None:
        """The same without waiting."""
        self.on_way += 1
        self._post(self._inbox.put, item)

    def close(self, end: Any) -> None:
        """The end follows what was sent."""
        self._post(self._inbox.close, end)

    def _post(self, deliver: Callable[..., None], *arguments: Any) -> None:
        self._last = max(self._last, self._net.now + self._net.latency())
        self._net.world.context().run(
            asyncio.get_running_loop().call_at, self._last, self._arrive, deliver, arguments
        )

    def _arrive(self, deliver: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if self.cut:
            return
        if self._stuck or self._net.is_blocked(*self._path):
            self._stuck.append((deliver, arguments))
            return
        self._deliver(deliver, arguments)

    def _deliver(self, deliver: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        deliver(*arguments)
        self.on_way = max(0, self.on_way - 1)
        self._room.set()

    def flow(self) -> None:
        """The path is free again."""
        while self._stuck and not self.cut and not self._net.is_blocked(*self._path):
            self._deliver(*self._stuck.popleft())

    def drop(self) -> None:
        """What is on its way never arrives."""
        self.cut = True
        self._stuck.clear()
        self._room.set()


Respond = Callable[["Replica", AsyncIterator[Any]], AsyncIterator[Any]]
"""What a replica answers to what comes in over a line."""


class Line:
    """A stream between a peer and a replica, as both ends see it."""

    def __init__(self, net: Network, agent: str, replica: Replica, respond: Respond) -> None:
        self.net = net
        self.agent = agent
        self.replica = replica
        self._respond = respond
        self.to_server, self.to_agent = Inbox(), Inbox()
        self.up = Pipe(net, agent, replica.name, self.to_server)
        self.down = Pipe(net, replica.name, agent, self.to_agent)
        self.serving: asyncio.Task[None] | None = None
        self.over = False
        net.lines.append(self)
        net.later(net.latency(), self.connect)

    def connect(self) -> None:
        """Arrive at the replica, if the path is free and somebody listens there."""
        if self.over or self.to_agent.end is not None:
            return
        if self.net.is_blocked(self.agent, self.replica.name):
            self.net.blocked_opens.append(self)
        elif self.replica.node is None or self.replica.agents is None:
            self.agent_breaks("connection refused")
        else:
            self.serving = self.replica.node.start(self._serve(), f"serve {self.agent}")

    async def _serve(self) -> None:
        try:
            if self.replica.agents is None:
                raise LinkClosed("going down")
            async with aclosing(self._respond(self.replica, self._requests())) as responses:  # type: ignore[type-var]
                async for message in responses:
                    self.net.hears(self.agent, message)
                    if _is_unreadable(message):
                        self.net.later(self.net.latency(), self.reset)
                        return
                    await self.down.write(message)
            self.down.close(EOF)
        except Exception as error:
            self.down.close(status_of(error, "a stream", self.net.history))
        finally:
            self.over = True

    async def _requests(self) -> AsyncIterator[Any]:
        while (item := await self.to_server.get()) not in (EOF, ERROR):
            yield item

    def server_breaks(self) -> None:
        """The replica's side learns that the connection is gone."""
        if self.serving is not None and not self.serving.done():
            self.net.call(self.replica.node, self.serving.cancel)
        self.to_server.close(ERROR, now=True)

    def agent_breaks(self, text: str) -> None:
        """The agent's side learns it."""
        self.to_agent.close(rpc_error(grpc.StatusCode.UNAVAILABLE, text), now=True)
        self.up._room.set()

    def reset(self) -> None:
        """Both learn it, and nothing that was on its way arrives."""
        self.up.drop()
        self.down.drop()
        self.agent_breaks("connection reset")
        self.server_breaks()

    def end_cleanly(self) -> None:
        """A proxy, or the server, ends the stream in good order."""
        self.down.close(EOF)
        self.up.close(EOF)

    def half_open(self, *, late: bool) -> None:
        """It was blocked for too long: each side gives up by itself. `late`: what was sent arrives yet."""
        self.agent_breaks("keepalive timed out")
        if not late:
            self.up.drop()
        self.down.drop()
        self.net.later(self.net.random.uniform(0.0, 12.0), self.server_breaks)


def _is_unreadable(message: Any) -> bool:
    """Whether it is an order at which the agent's end of the stream breaks."""
    if not isinstance(message, wire.ServerMessage) or message.run_job is None:
        return False
    command = message.run_job.command
    shell = None if command is None else command.shell
    return shell is not None and Script.read(shell.cmd).unreadable


class Call:
    """The agent's end of a stream, as grpc.aio gives it."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def _open(self) -> Line:
        end = self._line.to_agent.end
        if end is not None and not self._line.to_agent.items and end is not EOF:
            raise end
        return self._line

    async def write(self, message: wire.WorkerMessage) -> None:
        """Returns when the message is on its way."""
        if message.result is not None:
            self._line.net.said_ends[message.result.job_id, message.result.attempt] = message.result.reason
        await self._open().up.write(message)
        self._open()

    async def read(self) -> Any:
        """The next message, or EOF; raises what ended the stream."""
        item = await self._open().to_agent.get()
        if item is EOF:
            return grpc.aio.EOF
        if isinstance(item, Exception):
            raise item
        return item

    async def done_writing(self) -> None:
        """Tell the server that nothing follows."""
        if self._line.to_agent.end is None:
            self._line.up.close(EOF)

    def cancel(self) -> bool:
        """Tell the server that nobody listens any more."""
        self._line.net.cancelled(self._line)
        return True


class Service:
    """The agent's channel: hodei_worker.service.WorkerService on this network."""

    def __init__(self, net: Network, agent: str) -> None:
        self._net = net
        self._agent = agent
        self._replica = net.choose_replica()

    async def register(
        self, request: wire.RegisterWorkerRequest, seconds: float = CALL_SECONDS
    ) -> wire.RegisterWorkerResponse:
        """See WorkerService."""
        context: Any = _Context(self._agent, "")
        told: wire.RegisterWorkerResponse = await self._net.ask(
            self._agent, self._replica, lambda r: _agents(r).register(request, context)
        )
        return told

    async def unregister(
        self, request: wire.UnregisterWorkerRequest, session_id: str
    ) -> wire.UnregisterWorkerResponse:
        """See WorkerService."""
        context: Any = _Context(self._agent, session_id)
        told: wire.UnregisterWorkerResponse = await self._net.ask(
            self._agent,
            self._replica,
            lambda r: _agents(r).unregister_worker(request, context),
        )
        return told

    def stream(self, session_id: str) -> Call:
        """See WorkerService."""
        context: Any = _Context(self._agent, session_id)

        def respond(replica: Replica, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
            return _agents(replica).worker_stream(requests, context)

        return Call(Line(self._net, self._agent, self._replica, respond))

    async def close(self) -> None:
        """See WorkerService."""


class _Context:
    """What the services ask of gRPC about a call."""

    def __init__(self, peer: str, session: str) -> None:
        self._peer = peer
        self._metadata = ((SESSION_KEY, session),) if session else ()

    def peer(self) -> str:
        return self._peer

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata


class Replica:
    """A place where a control plane runs, dies and comes back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.node: Node | None = None
        self.control: Any = None
        self.agents: WorkerAgents | None = None
        self.life = 0


def _agents(replica: Replica) -> WorkerAgents:
    """What serves agents there. Raise LinkClosed if that is over."""
    if replica.agents is None:
        raise LinkClosed("going down")
    return replica.agents


def status_of(error: Exception, about: str, history: History) -> grpc.aio.AioRpcError:
    """How the edge ends a call in which this was raised; a bug is a problem."""
    told = refusal(error, about=about, new_id=lambda: "-")
    if told.status is grpc.StatusCode.INTERNAL:
        history.problem(f"{about} failed: {error!r}")
    return rpc_error(told.status, told.text)


class Network:
    """See the module. `blocked` holds the directions, (from, to), that nothing passes."""

    def __init__(self, random: Random, history: History, world: Node) -> None:
        self.random = random
        self.history = history
        self.world = world
        self.replicas: list[Replica] = []
        self.blocked: dict[tuple[str, str], int] = {}
        self.pipes: list[Pipe] = []
        self.lines: list[Line] = []
        self.blocked_opens: list[Line] = []
        self.slowness = 1.0
        self.said_ends: dict[tuple[str, int], str] = {}  # the reasons of the ends that agents told
        self.heard_ends: Callable[[str, wire.ResultAck], None] = lambda agent, ack: None

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    def latency(self) -> float:
        """Seconds from one machine to another."""
        luck = self.random.random()
        if luck > 0.995:
            return 2.0 * self.random.random() * self.slowness
        return (0.0003 + 0.003 * luck) * self.slowness

    def later(self, seconds: float, callback: Callable[..., Any], *arguments: Any) -> None:
        """Something that the world does after a while."""
        loop = asyncio.get_running_loop()
        self.world.context().run(loop.call_later, seconds, callback, *arguments)

    def call(self, node: Node | None, callback: Callable[..., Any], *arguments: Any) -> None:
        """Run it in a node, if that lives."""
        if node is not None:
            node.call(callback, *arguments)

    def choose_replica(self) -> Replica:
        """Where a new connection comes out: a balancer that mostly knows who is up."""
        up = [replica for replica in self.replicas if replica.agents is not None]
        if up and self.random.random() < 0.9:
            return self.random.choice(up)
        return self.random.choice(self.replicas)

    # -- what is said ------------------------------------------------------------------------------

    def hears(self, agent: str, message: Any) -> None:
        """A replica says something to an agent."""
        if isinstance(message, wire.ServerMessage) and message.result_ack is not None:
            self.heard_ends(agent, message.result_ack)

    async def ask(self, who: str, replica: Replica, work: Callable[[Replica], Coroutine[Any, Any, T]]) -> T:
        """A unary call: raises AioRpcError when it fails, or is not answered within 10 s."""
        answer = asyncio.get_running_loop().create_future()
        node = NODE.get()

        inbox, outbox = Inbox(), Inbox()
        there, back = Pipe(self, who, replica.name, inbox), Pipe(self, replica.name, who, outbox)
        self.pipes += [there, back]

        async def serve() -> None:
            outcome: Any = rpc_error(grpc.StatusCode.UNAVAILABLE, "going down")
            try:
                if replica.agents is not None:
                    outcome = await work(replica)
            except Exception as error:
                outcome = status_of(error, "a call", self.history)
            back.post(outcome)

        def arrive(_: Any) -> None:
            if replica.node is None or replica.agents is None:
                back.post(rpc_error(grpc.StatusCode.UNAVAILABLE, "connection refused"))
            else:
                replica.node.start(serve(), f"call of {who}")

        inbox.put = arrive  # type: ignore[method-assign,assignment]
        outbox.put = lambda item: node.call(_settle, answer, item)  # type: ignore[method-assign]
        there.post(None)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                told = await answer
        except TimeoutError:
            raise rpc_error(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None
        finally:
            self._forget(there, back)
        if isinstance(told, Exception):
            raise told
        return told  # type: ignore[no-any-return]

    def _forget(self, *pipes: Pipe) -> None:
        for pipe in pipes:
            with suppress(ValueError):
                self.pipes.remove(pipe)

    # -- what goes wrong ---------------------------------------------------------------------------

    def is_blocked(self, source: str, target: str) -> bool:
        """Whether nothing passes in this direction now."""
        return self.blocked.get((source, target), 0) > 0

    def block(self, source: str, target: str) -> None:
        """Let nothing pass until `unblock` was called as often."""
        self.blocked[source, target] = self.blocked.get((source, target), 0) + 1
        for line in self.lines:
            if not line.over and {line.agent, line.replica.name} == {source, target}:
                self.later(self.random.uniform(*KEEPALIVE), self._keepalive, line)

    def unblock(self, source: str, target: str) -> None:
        """Let pass again; what waited arrives in order."""
        self.blocked[source, target] -= 1
        self._prune()
        for pipe in [*self.pipes, *(p for line in self.lines for p in (line.up, line.down))]:
            pipe.flow()
        opens, self.blocked_opens = self.blocked_opens, []
        for line in opens:
            self.later(self.latency(), line.connect)

    def _keepalive(self, line: Line) -> None:
        ways = ((line.agent, line.replica.name), (line.replica.name, line.agent))
        if not line.over and any(self.is_blocked(*way) for way in ways):
            line.half_open(late=self.random.random() < 0.5)

    def cancelled(self, line: Line) -> None:
        """The agent hung up: the server hears of it after what was sent, unless the path is blocked."""
        if line.over:
            return
        line.to_agent.close(rpc_error(grpc.StatusCode.CANCELLED, "cancelled"), now=True)
        line.down.drop()
        line.up._post(line.server_breaks)

    def machine_died(self, name: str, *, silently: bool) -> None:
        """A process or a machine is gone: its peers are told at once, or find out by keepalive."""
        for line in [
            each for each in self.lines if not each.over and name in (each.agent, each.replica.name)
        ]:
            line.over = name == line.replica.name
            line.up.drop()
            line.down.drop()
            seconds = self.random.uniform(*KEEPALIVE) if silently else self.latency()
            if name == line.agent:
                self.later(seconds, line.server_breaks)
            else:
                self.later(seconds, line.agent_breaks, "connection reset")
        self._prune()

    def _prune(self) -> None:
        self.lines = [line for line in self.lines if not line.over]


def _settle(answer: asyncio.Future[Any], outcome: Any) -> None:
    if not answer.done():
        answer.set_result(outcome)
