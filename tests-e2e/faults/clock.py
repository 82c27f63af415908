"""Wall clocks that can be set, each for some processes: by a library that is loaded before the C library.

The monotonic clock stays as it is, as on a machine whose clock somebody sets.
"""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

COMPILERS = ("cc", "gcc", "clang", "tcc")
VARIABLE = "FAULTS_CLOCK"
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int (*reads)(clockid_t, struct timespec *);

static volatile long long *ahead;  /* in nanoseconds */
static reads read_clock;

static void find(void)
{
    const char *path = getenv("FAULTS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *found = mmap(0, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
        if (found != MAP_FAILED) ahead = found;
        close(file);
    }
    read_clock = (reads)dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t which, struct timespec *at)
{
    if (!read_clock) find();
    int result = read_clock(which, at);
    if (result || !ahead || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE)) return result;
    long long all = at->tv_sec * 1000000000LL + at->tv_nsec + *ahead;
    at->tv_sec = all / 1000000000LL;
    at->tv_nsec = all % 1000000000LL;
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec exact;
    int result = clock_gettime(CLOCK_REALTIME, &exact);
    if (at) {
        at->tv_sec = exact.tv_sec;
        at->tv_usec = exact.tv_nsec / 1000;
    }
    return result;
}

time_t time(time_t *at)
{
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (at) *at = exact.tv_sec;
    return exact.tv_sec;
}
"""


class WallClock:
    """That of the processes that start with `environment`; with an empty one it cannot be set."""

    def __init__(self, library: Path | None, file: Path) -> None:
        self.environment: Mapping[str, str] = {}
        if library is not None:
            file.write_bytes(bytes(8))
            with file.open("r+b") as opened:
                self._ahead = mmap.mmap(opened.fileno(), 8)
            self.environment = {"LD_PRELOAD": str(library), VARIABLE: str(file)}

    @property
    def can_be_set(self) -> bool:
        """Whether there was a compiler to make that possible."""
        return bool(self.environment)

    def set(self, ahead: float) -> None:
        """By so many seconds it is ahead of the right time, from now on; behind where negative."""
        self._ahead[:] = struct.pack("=q", int(ahead * 1e9))


@contextmanager
def wall_clocks() -> Iterator[Clocks]:
    """A place for them that everybody may read: Postgres runs as another user where root starts it."""
    place = Path(tempfile.mkdtemp(prefix="hodei-clocks-"))
    try:
        place.chmod(0o755)
        yield Clocks(place, _library(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Clocks:
    """Makes wall clocks."""

    def __init__(self, place: Path, library: Path | None) -> None:
        self._place = place
        self._library = library

    def make(self, name: str) -> WallClock:
        """One of its own for what has this name."""
        return WallClock(self._library, self._place / name)


def _library(place: Path) -> Path | None:
    using = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if using is None:
        return None
    source, made = place / "clock.c", place / "clock.so"
    source.write_text(SOURCE)
    words = (using, "-shared", "-fPIC", "-o", str(made), str(source), "-ldl")
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    return made
