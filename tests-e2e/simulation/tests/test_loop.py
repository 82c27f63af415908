"""The event loop of the simulation keeps what asyncio promises, and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from simulation.loop import Livelock, Node, VirtualLoop, new_loop


def run(work: Callable[[VirtualLoop], Coroutine[Any, Any, Any]], seed: int = 1) -> Any:
    loop = new_loop(Random(seed))
    try:
        return loop.run(work(loop))
    finally:
        loop.wind_up()


def test_an_hour_passes_at_once() -> None:
    async def work(loop: VirtualLoop) -> float:
        await asyncio.sleep(3600)
        return loop.time()

    assert run(work) == pytest.approx(3600, abs=0.1)


def test_callbacks_of_one_node_run_in_their_order() -> None:
    async def work(loop: VirtualLoop) -> list[int]:
        seen: list[int] = []
        for number in range(50):
            loop.call_soon(seen.append, number)
        await asyncio.sleep(1)
        return seen

    assert run(work) == list(range(50))


def test_the_seed_decides_in_which_order_nodes_run() -> None:
    async def work(loop: VirtualLoop) -> str:
        seen: list[str] = []
        for name in "abcdefgh":
            loop.node(name).call(seen.append, name)
        await asyncio.sleep(1)
        return "".join(seen)

    orders = {run(work, seed) for seed in range(10)}
    assert len(orders) > 5
    assert run(work, 3) == run(work, 3)


async def _leaves_a_mark(marks: list[str]) -> None:
    try:
        await asyncio.sleep(5)
        marks.append("went on")
    finally:
        marks.append("tidied up")


def test_nothing_of_a_killed_node_runs_again_not_even_what_tidies_up() -> None:
    marks: list[str] = []

    async def work(loop: VirtualLoop) -> list[str]:
        node = loop.node("victim")
        node.start(_leaves_a_mark(marks), "victim")
        await asyncio.sleep(1)
        node.kill()
        await asyncio.sleep(100)
        return list(marks)

    assert run(work) == []


def test_a_stopped_node_goes_on_later_with_what_was_due() -> None:
    async def work(loop: VirtualLoop) -> tuple[list[str], list[str]]:
        marks: list[str] = []
        node = loop.node("sleeper")
        node.start(_leaves_a_mark(marks), "sleeper")
        await asyncio.sleep(1)
        node.stop()
        await asyncio.sleep(100)
        before = list(marks)
        node.resume()
        await asyncio.sleep(0.1)
        return before, marks

    assert run(work) == ([], ["went on", "tidied up"])


def test_what_a_task_starts_belongs_to_its_node() -> None:
    async def work(loop: VirtualLoop) -> list[str]:
        marks: list[str] = []
        node = loop.node("parent")

        async def parent() -> None:
            child = asyncio.create_task(_leaves_a_mark(marks))
            await child

        node.start(parent(), "parent")
        await asyncio.sleep(1)
        node.kill()
        await asyncio.sleep(100)
        return list(marks)

    assert run(work) == []


def test_a_fuse_kills_between_two_callbacks() -> None:
    async def work(loop: VirtualLoop) -> int:
        node: Node = loop.node("short-lived")
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        node.start(turn(), "turn")
        node.fuse, node.on_fuse = 7, node.kill
        await asyncio.sleep(1)
        return turns

    assert run(work) == 7


def test_a_world_in_which_nothing_can_happen_any_more_is_told() -> None:
    async def work(loop: VirtualLoop) -> None:
        await loop.create_future()

    with pytest.raises(Livelock):
        run(work)
