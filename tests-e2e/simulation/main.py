"""The command."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from simulation.mutants import MUTANTS, first_find
from simulation.run import Report, run_seed


def main(arguments: Sequence[str]) -> int:
    """Run the seeds, tell of each that breaks a promise, and how to see it again; 1 if there was one."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description="Simulate whole systems.")
    parser.add_argument("seeds", nargs="?", type=int, default=1000, help="how many (1000)")
    parser.add_argument("first", nargs="?", type=int, default=0, help="the first (0)")
    parser.add_argument("--story", type=int, metavar="SEED", help="run this one and tell what happens in it")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (one for each processor)"
    )
    parser.add_argument(
        "--mutant", choices=sorted(MUTANTS), help="break the product on purpose, stop at the first find"
    )
    given = parser.parse_args(arguments)
    if given.story is not None:
        return _tell(run_seed(given.story, keep=True))
    if given.mutant:
        return _hunt(given.mutant, range(given.first, given.first + given.seeds))
    return _run(range(given.first, given.first + given.seeds), given.workers)


def _hunt(mutant: str, seeds: range) -> int:
    report = first_find(mutant, seeds)
    if report is None:
        print(f"{mutant} was not found within {len(seeds)} seeds")
        return 1
    print(f"{mutant} was found by seed {report.seed}, number {report.seed - seeds.start + 1}:")
    for broken in report.broken:
        print(" ", broken)
    return 0


def _tell(report: Report) -> int:
    for at, line in report.story:
        print(f"{at:10.4f}  {line}")
    print(f"seed {report.seed} ({report.profile}): {report.counts}, {report.steps} steps")
    print(f"{report.seconds:.0f} virtual s, settled in {report.settling:.0f} s, digest {report.digest:08x}")
    for broken in report.broken:
        print("BROKEN:", broken)
    return 1 if report.broken else 0


def _run(seeds: range, workers: int) -> int:
    began, failed, done, virtual = time.monotonic(), 0, 0, 0.0
    with ProcessPoolExecutor(workers) as pool:
        for report in pool.map(run_seed, seeds, chunksize=4):
            done += 1
            virtual += report.seconds
            if report.broken:
                failed += 1
                print(f"\rseed {report.seed} ({report.profile}): {'; '.join(report.broken[:3])}")
                print(f"  just simulate-one {report.seed}", flush=True)
            if done % 20 == 0 or done == len(seeds):
                spent = time.monotonic() - began
                print(f"\r{done} of {len(seeds)} seeds, {failed} failed, {60 * done / spent:.0f} a minute, "
                      f"{virtual / spent:.0f} virtual s each s ", end="", flush=True)  # fmt: skip
    print(f"\n==== {done - failed} passed, {failed} failed in {time.monotonic() - began:.0f}s ====")
    return 1 if failed else 0
