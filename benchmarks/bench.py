"""How a benchmark runs: limits of the machine first, then ours, then the peers, all on one Postgres."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from benchmarks.client import JobWentWrong
from benchmarks.figures import Report, Row
from benchmarks.options import Options, emit, options, parser
from benchmarks.peers.peer import Peer
from benchmarks.peers.work import PEERS
from benchmarks.postgres import Postgres, postgres
from benchmarks.stack import Stack, stack

S = TypeVar("S")


async def no_limits(server: Postgres) -> Sequence[Row]:
    """For figures that no limit of the machine stands beside."""
    return ()


@frozen(kw_only=True)
class Benchmark(Generic[S]):
    """One figure of the specification."""

    name: str
    title: str
    subject: Callable[[Postgres, Options], AbstractAsyncContextManager[S]]  # what is measured, running
    measure: Callable[[S, Options], Awaitable[Sequence[Row]]]
    peer: Callable[[Peer, Postgres, Options], Awaitable[Row]] | None = None
    limits: Callable[[Postgres], Awaitable[Sequence[Row]]] = no_limits
    defaults: Mapping[str, object] = field(factory=dict)  # of the options, where they differ
    notes: tuple[str, ...] = ()

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Read the options, run, print."""
        source = parser(self.name, self.title)
        source.set_defaults(**self.defaults)
        chosen = options(source, arguments)
        run_and_emit(self.run(chosen), chosen)

    async def run(self, chosen: Options) -> Report:
        """Measure and return the report."""
        async with postgres(chosen) as server:
            rows = list(await self.limits(server)) if chosen.limits else []
            async with self.subject(server, chosen) as subject:
                ours = await self.measure(subject, chosen)
            if self.peer is not None and chosen.peers:
                rows += [await self.peer(each, server, chosen) for each in PEERS]
        setup = {**server.setup, "workers": str(chosen.workers)}
        return Report(name=self.name, title=self.title, setup=setup, rows=(*ours, *rows), notes=self.notes)


def run_and_emit(
    measured: Coroutine[Any, Any, Report],
    chosen: Options,
    run: Callable[[Coroutine[Any, Any, Report]], Report] = asyncio.run,
) -> None:
    """Measure, and print the report; exit with the reason when a job did not do what was to be measured."""
    try:
        report = run(measured)
    except JobWentWrong as error:
        sys.exit(f"nothing was measured: {error}")
    emit(report, chosen)


def warm_stack(server: Postgres, chosen: Options) -> AbstractAsyncContextManager[Stack]:
    """The subject of most benchmarks."""
    return stack(server, chosen)


@asynccontextmanager
async def no_subject(server: Postgres, chosen: Options) -> AsyncIterator[Postgres]:
    """For a benchmark that starts by itself what it measures."""
    yield server
