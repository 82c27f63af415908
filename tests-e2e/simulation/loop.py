"""An event loop in which time is a number and the order of things comes from a seed.

Every callback belongs to a node, one process on some machine, which its context names. Callbacks of one node
run in the order in which they were registered, as asyncio promises; between nodes, which share nothing, the
seed chooses. When nobody can run, time jumps to the next timer.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from random import Random
from typing import Any

NODE: ContextVar[Node] = ContextVar("node")

TICK = 20e-6  # seconds that a callback takes
LIVELOCK = 200_000  # callbacks without a pause: somebody spins


class Livelock(Exception):
    """Callbacks followed each other without end, and time stood still."""


class Node:
    """A process: what it has ready, and whether it lives. Its end is sudden: nothing of it runs again."""

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.alive = True
        self.stopped = False  # by SIGSTOP
        self.skew = 0.0  # seconds that its wall clock is ahead
        self.ready: deque[asyncio.Handle] = deque()
        self.place = -1  # among those that can run
        self.fuse: int | None = None  # callbacks until `on_fuse`
        self.on_fuse: Callable[[], None] | None = None
        self.signals: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
        self.tasks: list[asyncio.Task[Any]] = []  # held, so that an abandoned one never runs its `finally`

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run something in this process."""
        return self.context().run(lambda: self.loop.create_task(work, name=name))

    def call(self, callback: Callable[..., Any], *arguments: Any) -> None:
        """Run a function in this process, soon."""
        self.loop.call_soon(callback, *arguments, context=self.context())

    def context(self) -> Context:
        """A fresh context that names this process."""
        context = Context()
        context.run(NODE.set, self)
        return context

    def kill(self) -> None:
        """Like SIGKILL, or a machine that loses its power: at whatever await it is."""
        self.alive = (
            False  # what is ready stays, for wind_up(): a coroutine that is collected half way complains
        )
        self.loop.drop(self)

    def stop(self) -> None:
        """SIGSTOP."""
        self.stopped = True
        self.loop.drop(self)

    def resume(self) -> None:
        """SIGCONT: all that was due meanwhile runs now."""
        self.stopped = False
        self.loop.admit(self)

    def signal(self, number: int) -> bool:
        """Deliver a signal; False if nobody handles it."""
        handler = self.signals.get(number)
        if handler is None or not self.alive:
            return False
        self.call(handler[0], *handler[1])
        return True

    def remember(self, task: asyncio.Task[Any]) -> None:
        """Hold a task until it is done."""
        self.tasks.append(task)
        if len(self.tasks) > 200:
            self.tasks = [each for each in self.tasks if not each.done()]

    def __repr__(self) -> str:
        return self.name


class VirtualLoop(asyncio.AbstractEventLoop):
    """See the module. `problems` collects what asyncio would have complained of."""

    def __init__(self, random: Random) -> None:
        self._random = random.random
        self._now = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Node]] = []
        self._count = 0
        self._runnable: list[Node] = []
        self._running = False
        self.steps = 0
        self.problems: list[str] = []
        self.world = Node(self, "world")
        self.nodes: list[Node] = [self.world]

    def node(self, name: str) -> Node:
        """A new process."""
        node = Node(self, name)
        self.nodes.append(node)
        return node

    # -- what runs ---------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run in the world's node, until it is done."""
        self._running = True
        events._set_running_loop(self)
        try:
            task = self.world.start(work, "main")
            while not task.done():
                self._step()
            return task.result()
        finally:
            events._set_running_loop(None)
            self._running = False

    def wind_up(self, rounds: int = 50) -> None:
        """Cancel whatever is left, so that no coroutine is collected half way. Nothing is recorded of it."""
        events._set_running_loop(self)
        try:
            for node in self.nodes:
                node.alive, node.stopped, node.on_fuse, node.fuse = True, False, None, None
                self.admit(node)
            for _ in range(rounds):
                left = [task for node in self.nodes for task in node.tasks if not task.done()]
                for task in left:
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    task.cancel()
                while self._runnable:
                    self._step()
                if not left:
                    break
        finally:
            events._set_running_loop(None)

    def _step(self) -> None:
        timers = self._timers
        while timers and (timers[0][0] <= self._now or timers[0][2]._cancelled):
            self._due(heapq.heappop(timers))
        while not self._runnable:
            if not timers:
                raise Livelock("nothing will ever happen again")
            due = heapq.heappop(timers)
            if not due[2]._cancelled and due[3].alive:
                self._now = max(self._now, due[0])
            self._due(due)
        runnable = self._runnable
        node = runnable[int(self._random() * len(runnable))] if len(runnable) > 1 else runnable[0]
        handle = node.ready.popleft()
        if not node.ready:
            self.drop(node)
        if handle._cancelled:
            return
        self.steps += 1
        self._now += TICK
        handle._run()
        if node.fuse is not None:
            self._burn(node)

    def _burn(self, node: Node) -> None:
        assert node.fuse is not None
        node.fuse -= 1
        if node.fuse <= 0 and node.on_fuse is not None:
            fuse, node.on_fuse, node.fuse = node.on_fuse, None, None
            fuse()

    def _due(self, timer: tuple[float, int, asyncio.TimerHandle, Node]) -> None:
        if not timer[2]._cancelled:
            self._put(timer[3], timer[2])

    def _put(self, node: Node, handle: asyncio.Handle) -> None:
        node.ready.append(handle)
        if node.place < 0:
            self.admit(node)

    def admit(self, node: Node) -> None:
        """It can run, if it has anything to run."""
        if node.place < 0 and node.ready and node.alive and not node.stopped:
            node.place = len(self._runnable)
            self._runnable.append(node)

    def drop(self, node: Node) -> None:
        """It cannot run now."""
        if node.place >= 0:
            last = self._runnable.pop()
            if last is not node:
                self._runnable[node.place] = last
                last.place = node.place
            node.place = -1

    # -- what asyncio asks of a loop ---------------------------------------------------------------

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._put(self._node_of(context), handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, timer, self._node_of(context)))
        return timer

    def _node_of(self, context: Context | None) -> Node:
        return NODE.get(self.world) if context is None else context.get(NODE, self.world)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when it comes up."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, **kwargs)
        NODE.get(self.world).remember(task)
        return task

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Callable[..., Any], *args: Any
    ) -> None:
        NODE.get(self.world).signals[int(sig)] = (callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        return NODE.get(self.world).signals.pop(int(sig), None) is not None

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.problems.append(f"{context.get('message')}: {error!r}")

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return False


def new_loop(random: Random) -> VirtualLoop:
    """A loop. What it lacks of an event loop needs the outside world, which there is none of."""
    return VirtualLoop(random)  # type: ignore[abstract]
