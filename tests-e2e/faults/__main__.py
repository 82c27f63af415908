"""Break a platform for so many seconds and judge it: `python -m faults SECONDS [SEED]`."""

from __future__ import annotations

import asyncio
import sys

from faults.run import Plan, run, seed_of

LEASE = 45.0  # seconds, as servers have it where nobody says otherwise
LONG_ENOUGH = 120.0  # seconds; in less there is no time for a fault that outlasts a lease


def main(arguments: list[str]) -> int:
    """Return 1 if a promise was broken."""
    if not 1 <= len(arguments) <= 2 or not all(each.isdecimal() for each in arguments):
        print(__doc__, file=sys.stderr)
        return 64
    seconds = float(arguments[0])
    lease = LEASE if seconds >= LONG_ENOUGH else None
    plan = Plan(seed=seed_of(arguments[1] if len(arguments) > 1 else None), seconds=seconds, lease=lease)
    print(f"seed {plan.seed}; again with: just faults {arguments[0]} {plan.seed}", flush=True)
    outcome = asyncio.run(run(plan))
    print(outcome.story())
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
