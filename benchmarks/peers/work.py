"""A worker process of a peer: `python -m benchmarks.peers.work NAME ...`, until SIGTERM."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.peers.peer import Peer, WorkerOptions
from benchmarks.peers.pgqueuer import PgQueuer
from benchmarks.peers.procrastinate import Procrastinate

PEERS: tuple[Peer, ...] = (PgQueuer(), Procrastinate())


def main() -> None:
    _, name, *arguments = sys.argv
    peer = next(each for each in PEERS if type(each).__name__ == name)
    asyncio.run(peer.work(WorkerOptions.from_arguments(arguments)))


if __name__ == "__main__":
    main()
