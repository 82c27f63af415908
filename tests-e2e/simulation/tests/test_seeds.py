"""Seeds that once broke a promise, some that are new, and the product broken on purpose.

`just simulate` runs a thousand.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulation.corpus import CORPUS
from simulation.mutants import MUTANTS, first_find
from simulation.run import run_seed

HERE = Path(__file__).parents[2]
DIGESTS = (*range(6), *range(40, 46))


def test_seeds_that_once_broke_a_promise_keep_them_all() -> None:
    for seed, found in CORPUS.items():
        assert not run_seed(seed).broken, f"{found}; see it with: just simulate-one {seed}"


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_twenty_seeds_keep_every_promise(first: int) -> None:
    for seed in range(first, first + 20):
        report = run_seed(seed)
        assert not report.broken, f"see it with: just simulate-one {seed}"


def test_a_seed_is_the_same_story_in_every_process() -> None:
    here = [run_seed(seed).digest for seed in DIGESTS]
    program = f"from simulation.run import run_seed; print([run_seed(s).digest for s in {DIGESTS}])"
    for hash_seed in ("1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(HERE)}
        told = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == str(here)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif("HODEI_MUTANTS" not in os.environ, reason="minutes for each: `just mutants` runs them")
@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_product_broken_on_purpose_is_found_within_a_thousand_seeds(mutant: str) -> None:
    assert first_find(mutant, range(1000)) is not None
