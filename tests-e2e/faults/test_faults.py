"""A short run under faults, with a new seed each time, and a short soak.

HODEI_TEST_FAULTS_SEED takes a seed that was printed, HODEI_TEST_FAULTS_SECONDS another length.
"""

from __future__ import annotations

import os

import pytest

from faults.nemesis import BEYOND
from faults.run import Plan, run, seed_of
from faults.soak import soak

LONG = os.environ.get("HODEI_TEST_LONG") == "1"

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def seed() -> int:
    """Printed where a test fails."""
    return seed_of(os.environ.get("HODEI_TEST_FAULTS_SEED"))


async def test_every_promise_is_kept_while_things_are_killed_frozen_and_cut(
    need_postgres: None, seed: int
) -> None:
    seconds = float(os.environ.get("HODEI_TEST_FAULTS_SECONDS", "90" if LONG else "15"))
    outcome = await run(Plan(seed=seed, seconds=seconds, longest_fault=5.0))
    print(outcome.story())
    assert not outcome.broken, f"HODEI_TEST_FAULTS_SEED={seed}"
    assert outcome.record.jobs


@pytest.mark.skipif(not LONG, reason="takes a minute: HODEI_TEST_LONG=1 has it run")
async def test_agents_that_are_frozen_beyond_their_lease_or_killed_break_no_promise(
    need_postgres: None, seed: int
) -> None:
    plan = Plan(seed=seed, seconds=30, lease=6.0, only=(BEYOND, "kill -9 an agent"))
    outcome = await run(plan, {"HODEI_LEASE": "6s"})
    print(outcome.story())
    assert not outcome.broken, f"HODEI_TEST_FAULTS_SEED={seed}"


async def test_a_soak_leaves_nothing_stuck_nothing_over_and_nothing_grown(
    need_postgres: None, seed: int
) -> None:
    found = await soak(60 if LONG else 8, seed, say=False)
    print(found.story())
    assert not found.broken, f"HODEI_TEST_FAULTS_SEED={seed}"
    assert found.jobs > 100
