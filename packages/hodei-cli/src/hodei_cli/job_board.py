"""Jobs as they come and go: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hodei_cli.live import Screen
from hodei_cli.options import current
from hodei_cli.program import as_typed
from hodei_cli.render import JOBS, show_next
from hodei_cli.tables import table, text_of
from hodei_cli.terminal import paint
from hodei_cli.views import OVER, Record

LIVE = ("RUNNING", "SCHEDULED", "PENDING")
KEPT = 20  # ended jobs that stay in the table

List = Callable[[Collection[str]], Iterable[Record]]
"""The jobs in these states, the newest first; of none the newest whatever their state."""

Read = Callable[[str], Record]
"""One job, as in a list."""


class Board:
    """The jobs that live, and those that ended since, the newest end first."""

    def __init__(self, list_jobs: List, read: Read) -> None:
        self._list = list_jobs
        self._read = read
        self._ended: dict[str, Record] = {}
        self._live: dict[str, Record] = {}
        self._begun = False

    def look(self) -> list[Record]:
        """Ask the server; what has changed since the last look: at first everything."""
        before = self._live
        live = {row["id"]: row for state in LIVE for row in self._list([state])}
        if not self._begun:
            self._begun = True
            self._end(reversed([row for row in self._list([]) if row["state"] in OVER]))
            self._live = live
            return self.rows()
        # A page has an end: what is not on it any more may just have been pushed off.
        gone = [row for id in before if id not in live if (row := self._read(id))["state"] in OVER]
        self._end(gone)
        self._live = live
        moved = [row for row in live.values() if row["state"] != before.get(row["id"], {}).get("state")]
        return gone + moved

    def rows(self) -> list[Record]:
        """All of them."""
        return [*self._live.values(), *reversed(self._ended.values())]

    def _end(self, rows: Iterable[Record]) -> None:
        for row in rows:
            self._ended[row["id"]] = row
        for id in list(self._ended)[:-KEPT]:
            del self._ended[id]


def watch(board: Board, every: timedelta) -> None:
    """Until Ctrl-C."""
    try:
        if sys.stdout.isatty() and not current().structured:
            _draw(board, every.total_seconds())
        else:
            _tell(board, every.total_seconds())
    except KeyboardInterrupt:
        return


def _draw(board: Board, every: float) -> None:
    with Screen() as screen:
        while True:
            board.look()
            screen.draw(lines_of(board.rows(), screen.width()))
            time.sleep(every)


def lines_of(rows: list[Record], width: int | None) -> list[str]:
    """The table, with a line above it."""
    counts = {state: sum(row["state"] == state for row in rows) for state in LIVE}
    told = ", ".join(f"{count} {state.lower()}" for state, count in counts.items())
    head = paint(f"Jobs  {text_of(datetime.now(UTC))}  {told}", "bold", sys.stdout)
    if not rows:
        return [head, "", as_typed("No jobs yet. Try: hodei run -- echo hi")]
    return [head, "", *table([_timed(row) for row in rows], JOBS, width)]


def _timed(row: Mapping[str, Any]) -> Record:
    """How long it runs, of those that do."""
    started = row["started_at"]
    if row["state"] != "RUNNING" or started is None:
        return dict(row)
    return {**row, "duration": max(datetime.now(UTC) - started, timedelta(0))}


def _tell(board: Board, every: float) -> None:
    while True:
        for row in board.look():
            show_next(row, current().output, _line(row))
        time.sleep(every)


def _line(row: Mapping[str, Any]) -> str:
    at = row["completed_at"] or row["started_at"] or row["created_at"]
    end = row["reason"] if row["exit_code"] is None else f"exit code {row['exit_code']}"
    return "  ".join(filter(None, (text_of(at), row["id"], row["state"], end, text_of(row["name"]))))
