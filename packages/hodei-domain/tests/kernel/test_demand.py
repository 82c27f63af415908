import json
import subprocess
import sys

import pytest
from attrs import evolve
from hodei_domain.kernel.demand import ANY, DemandClass, digest_of
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import Constraint, Operator, PullPolicy, Resources
from hodei_domain.testing.strategies import demands
from hypothesis import given

A = Constraint("a", Operator.EQ, ("1",))
B = Constraint("b", Operator.IN, ("2", "3"))
FULL = DemandClass(
    image="alpine:3.20",
    resources=Resources(cpu_cores=2, memory_mib=512, architecture="arm64"),
    constraints=[B, A],
    provider="docker",
    region="eu",
)


@given(demands())
def test_a_demand_goes_through_json_and_keeps_its_key(demand: DemandClass) -> None:
    again = DemandClass.from_json(json.loads(json.dumps(demand.to_json())))
    assert again == demand
    assert again.key == demand.key


def test_the_order_of_constraints_makes_no_other_class() -> None:
    assert DemandClass(constraints=[A, B, A]).key == DemandClass(constraints=(B, A)).key


def test_whatever_differs_makes_another_class() -> None:
    others = [
        evolve(FULL, image=""),
        evolve(FULL, pull=PullPolicy.ALWAYS),
        evolve(FULL, pull=PullPolicy.NEVER),
        evolve(FULL, user="0"),
        evolve(FULL, user="0:0"),
        evolve(FULL, resources=Resources()),
        evolve(FULL, resources=Resources(cpu_cores=2, memory_mib=512)),
        evolve(FULL, constraints=[A]),
        evolve(FULL, provider=""),
        evolve(FULL, region=""),
    ]
    assert len({demand.key for demand in [FULL, ANY, *others]}) == len(others) + 2


def test_keys_never_change() -> None:
    # stored beside queued jobs: a new release must find the classes of the old one
    assert ANY.key == "d3ee520f271a2f585d64203e3cb4ac8d"
    assert FULL.key == "b48e7985693d7659e7e52b97879aaacc"
    assert digest_of({"b": [1, None], "a": "ñ"}) == digest_of({"a": "ñ", "b": [1, None]})


def test_a_class_without_a_pull_policy_is_read_as_before() -> None:
    assert "pull" not in FULL.to_json()
    assert DemandClass.from_json(FULL.to_json()).pull is PullPolicy.IF_NOT_PRESENT


@pytest.mark.parametrize("pull", ["SOMETIMES", "", 1, None])
def test_a_class_with_an_unknown_pull_policy_is_refused_by_name(pull: object) -> None:
    with pytest.raises(InvalidInput, match=r"pull: .* is none of always, missing, never") as caught:
        DemandClass.from_json({**FULL.to_json(), "pull": pull})
    assert caught.value.field == "pull"


def test_keys_are_the_same_in_another_process() -> None:
    program = (
        "from hodei_domain.kernel.demand import DemandClass\n"
        "import json, sys\n"
        "print(DemandClass.from_json(json.load(sys.stdin)).key)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(FULL.to_json()),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == FULL.key


def test_a_demand_reads_like_a_list_of_wishes() -> None:
    assert str(ANY) == "no image"
    told = str(evolve(FULL, resources=Resources(gpu=1, architecture="arm64")))
    assert told == "alpine:3.20; 1 GPUs; arm64; docker; eu; a Eq 1; b In 2, 3"
    assert FULL.architecture == "arm64"
