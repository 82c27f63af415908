"""Getting images: by a job's policy, each image once however many workers wait for it, with progress."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field
from hodei_domain.jobs.result import Reason
from hodei_domain.kernel.values import PullPolicy
from hodei_domain.providers.errors import WorkerNotCreated

from hodei_infrastructure.docker import reference
from hodei_infrastructure.docker.credentials import Credentials
from hodei_infrastructure.docker.engine import Engine
from hodei_infrastructure.docker.errors import EngineRefused, pull_refusal
from hodei_infrastructure.docker.facts import MIB, ImageFacts, image_facts

log = logging.getLogger("hodei.docker")

TELL_EVERY = 0.5
"""Seconds between two words on the progress of a pull."""

SILENT_FOR = 600.0
"""Seconds after which a pull that makes no progress is given up: the next try may find a better way."""

Tell = Callable[[str], None]


@define(eq=False)
class Pull:
    """One pull that is under way, and who wants to hear of it."""

    image: str
    task: asyncio.Task[None] | None = None
    listeners: list[Tell] = field(factory=list)
    said: str = ""

    def say(self, text: str) -> None:
        """Tell all who wait."""
        if text != self.said:
            self.said = text
            for tell in list(self.listeners):
                tell(text)


@define(eq=False)
class Images:
    """The images of one engine."""

    _engine: Engine
    _credentials: Credentials
    _pulls: dict[str, Pull] = field(factory=dict, init=False)

    async def close(self) -> None:
        """Break off what is being pulled. The engine keeps the layers that are complete."""
        tasks = [pull.task for pull in self._pulls.values() if pull.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def find(self, image: str) -> ImageFacts | None:
        """What the engine has under that name; None if it has nothing."""
        document = await self._engine.find(f"images/{reference.with_tag(image)}/json")
        return None if document is None else image_facts(document)

    async def get(self, image: str, policy: PullPolicy, tell: Tell) -> ImageFacts:
        """The image, pulled if the policy says so. `tell` hears how that goes. Raises WorkerNotCreated."""
        wanted = reference.parse(image)
        if wanted is None:
            raise WorkerNotCreated(f"{image!r} is no name of an image", reason=Reason.IMAGE_PULL, final=True)
        if policy is not PullPolicy.ALWAYS:
            found = await self.find(image)
            if found is not None:
                return found
            if policy is PullPolicy.NEVER:
                raise WorkerNotCreated(
                    f"the engine has no image {image}, and the job says that it is never pulled",
                    reason=Reason.IMAGE_PULL,
                    final=True,
                )
        await self._pull(image, wanted, tell)
        found = await self.find(image)
        if found is None:  # the stream of progress just ends where the engine breaks off
            raise WorkerNotCreated(f"the pull of {image} broke off", reason=Reason.IMAGE_PULL)
        return found

    async def _pull(self, image: str, wanted: reference.Reference, tell: Tell) -> None:
        """Wait for the pull of this image, which goes on when one who waits gives up."""
        pull = self._pulls.get(image)
        if pull is None or pull.task is None:
            pull = Pull(image)
            pull.task = asyncio.create_task(self._fetch(pull, wanted), name=f"pull {image}")
            pull.task.add_done_callback(lambda task: self._over(image, task))
            self._pulls[image] = pull
            log.info("Pulling %s", image)
        pull.listeners.append(tell)
        tell(pull.said or f"pulling {reference.short(image)}")
        try:
            await asyncio.shield(pull.task)
        except EngineRefused as refused:
            raise pull_refusal(image, refused) from refused
        finally:
            pull.listeners.remove(tell)

    def _over(self, image: str, task: asyncio.Task[None]) -> None:
        self._pulls.pop(image, None)
        if not task.cancelled() and task.exception() is not None:
            log.debug("The pull of %s failed: %s", image, task.exception())

    async def _fetch(self, pull: Pull, wanted: reference.Reference) -> None:
        progress, loop = Progress(), asyncio.get_running_loop()
        said_at = 0.0
        documents = self._engine.stream(
            "POST",
            "images/create",
            headers=await self._credentials.header(wanted),
            silence=SILENT_FOR,
            fromImage=reference.with_tag(pull.image),
        )
        async for document in documents:
            progress.take(document)
            if loop.time() - said_at >= TELL_EVERY:
                said_at = loop.time()
                pull.say(f"pulling {reference.short(pull.image)}{progress}")


@define
class Progress:
    """How far a pull is, added up over the layers that are known so far."""

    _layers: dict[str, tuple[int, int]] = field(factory=dict, init=False)
    _unpacking: bool = field(default=False, init=False)

    def take(self, document: Mapping[str, Any]) -> None:
        """One word of the engine."""
        layer, status = str(document.get("id", "")), str(document.get("status", ""))
        detail = document.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            self._layers[layer] = (int(detail.get("current") or 0), int(detail["total"]))
        elif status in ("Download complete", "Extracting", "Pull complete", "Verifying Checksum"):
            self._unpacking = self._unpacking or status == "Extracting"
            if layer in self._layers:
                self._layers[layer] = (self._layers[layer][1], self._layers[layer][1])

    def __str__(self) -> str:
        done, total = (sum(numbers) for numbers in self._sums())
        if not total:
            return ""
        if done >= total and self._unpacking:
            return f": unpacking {_size(total)}"
        return f": {done * 100 // total} % of {_size(total)}"

    def _sums(self) -> Iterator[tuple[int, ...]]:
        yield tuple(current for current, _ in self._layers.values())
        yield tuple(total for _, total in self._layers.values())


def _size(count: int) -> str:
    return f"{count / MIB:.1f} MiB" if count < 1024 * MIB else f"{count / MIB / 1024:.1f} GiB"
