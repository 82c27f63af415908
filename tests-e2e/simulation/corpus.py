"""Seeds that found something, and what. A change of the simulation itself makes other stories of them."""

from __future__ import annotations

CORPUS: dict[int, str] = {
    37: "a job stayed SCHEDULED for ever: the answer to the commit that gave it to a worker was lost",
    138: "the same, where only the store was troubled",
    197: "output was lost with a terminated worker, and no mark said so",
    7: "a worker was told that its end counts, although its job had been given up",
    1135: "one long round of the leader put off the next for minutes, and clocks with it",
    2244: "a deadlock: leases before workers in one transaction, workers before leases in another",
    3845: "a deadlock: a log before its job in one transaction, a job before its log in another",
}
