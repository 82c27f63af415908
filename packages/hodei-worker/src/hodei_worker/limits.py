"""Choose what holds jobs to the memory and processors they asked for, by what this machine allows."""

from __future__ import annotations

import itertools
import logging
import os

from hodei_worker import cgroups
from hodei_worker.confinement import Confinement, ResourceLimits, Unconfined
from hodei_worker.container import Container, ContainerLimits
from hodei_worker.group import Group
from hodei_worker.order import Asked

log = logging.getLogger("hodei.worker.limits")


class Limiter:
    """Finds the strongest means there are, once, and makes a confinement for each attempt."""

    def __init__(self, places: cgroups.Places | None = None, container: Container | None = None) -> None:
        self._places = places
        self._container = container
        self._numbers = itertools.count(1)

    @classmethod
    def discover(cls, container: Container | None = None) -> Limiter:
        """Look at what this machine allows, or the container if one was made for the job. Never raises."""
        places = cgroups.find_places()
        if places is None or not cgroups.usable(places):
            return cls(container=container)
        cgroups.sweep(places)
        return cls(places, container)

    @property
    def label(self) -> str:
        """One word for the worker's `hodei.limits` label: cgroup-v1, cgroup-v2, container or rlimit."""
        if self._places:
            return f"cgroup-v{self._places.version}"
        return "container" if self._container else "rlimit"

    def confine(self, asked: Asked) -> Confinement:
        """A confinement for one attempt.

        One that asked for nothing gets no group to be counted in: with a group for each, short jobs ran at
        142 and 136 a second, without at 182 and 176 (medians in turns, decision 31), and its processes can
        be looked at.
        """
        if self._places is not None and asked:
            group = Group(self._places, cgroups.NAME.format(pid=os.getpid(), number=next(self._numbers)))
            try:
                group.make(asked)
                return group
            except OSError as e:
                group.close()
                log.warning("no control group could be made, resource limits have to do: %s", e)
        if self._container is not None:
            return ContainerLimits(asked, self._container)
        return ResourceLimits(asked) if asked else Unconfined()
