"""Output of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

StreamName = Literal["stdout", "stderr"]
LevelName = Literal["ERROR", "WARN", "INFO", "DEBUG"]


class Gap(Struct, kw_only=True):
    """So many bytes of output were lost, and why; or `removed`, with all before them, for their age."""

    bytes: int
    why: str
    removed: bool = False


class LogLine(Struct, kw_only=True, omit_defaults=True):
    """A line, or a gap. `sequence` counts the lines of an attempt over both streams from 1.

    `partial`: the line goes on in the stream's next entry. `platform`: Hodei wrote it, not the job.
    """

    sequence: int
    stream: StreamName
    time: datetime
    level: LevelName | None
    text: str
    partial: bool = False
    platform: bool = False
    gap: Gap | None = None


class LogPage(Struct, kw_only=True):
    """Lines of one attempt in order.

    Go on with `after` = `next_after`, or backwards with `before` = `first`. `has_more` says whether more is
    stored in the direction of reading, `last_sequence` is that of the attempt's last line so far, and
    `ended` says that no more will come.
    """

    attempt: int
    lines: list[LogLine]
    first: int
    next_after: int
    last_sequence: int
    has_more: bool
    ended: bool


class LogBatch(Struct, kw_only=True, tag_field="type", tag="lines"):
    """Lines of one attempt, in columns.

    `first` is the sequence of the first line and each further line has the next one. `times` are
    milliseconds after `base_time` (milliseconds since 1970), one per line. `stderr`, `partial` and `platform`
    are the indices of such lines.
    """

    attempt: int
    first: int
    base_time: int
    times: list[int]
    stderr: list[int]
    partial: list[int]
    platform: list[int]
    lines: list[str]


class LogGap(Struct, kw_only=True, tag_field="type", tag="gap"):
    """So many bytes of output were lost before what follows, or `removed` for their age; it counts as one
    line, the last one that is missing.
    """

    attempt: int
    sequence: int
    bytes: int
    why: str
    removed: bool = False


class LogAttempt(Struct, kw_only=True, tag_field="type", tag="attempt"):
    """What follows is the output of this attempt."""

    attempt: int


class LogEnd(Struct, kw_only=True, tag_field="type", tag="end"):
    """No more output will come: the job ended so."""

    state: str
