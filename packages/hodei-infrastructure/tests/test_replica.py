"""Names of replicas: who is certainly dead, and who only may be."""

from __future__ import annotations

import subprocess
import sys

from hodei_infrastructure.replica import has_died, replica_name

SAY = "from hodei_infrastructure.replica import replica_name; print(replica_name(), flush=True); input()"


def test_a_process_is_alive_until_it_ends_and_dead_from_then_on() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert not has_died(name)
    process.kill()
    process.communicate()
    assert has_died(name)


def test_another_process_with_the_same_id_is_not_the_one_that_was() -> None:
    ours, _, began = replica_name().rpartition(":")
    assert not has_died(f"{ours}:{began}")
    assert has_died(f"{ours}:{int(began) + 1}")


def test_of_other_machines_containers_and_unknown_names_nothing_is_known() -> None:
    machine, validity, pid, began = replica_name().rsplit(":", 3)
    assert not has_died(f"{machine}:{validity}0:{pid}:{int(began) + 1}")
    for name in ("", "the only one", "host:123", "a:b:c:d", f"{machine}:{validity}:x:1"):
        assert not has_died(name)
