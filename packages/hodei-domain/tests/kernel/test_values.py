import json
import math
from typing import Any

import pytest
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import (
    Constraint,
    Operator,
    Resources,
    architecture_name,
    copied,
    parse_operator,
)
from hodei_domain.testing.strategies import constraints, resources
from hypothesis import given
from hypothesis import strategies as st


@given(resources())
def test_resources_go_through_json(asked: Resources) -> None:
    assert Resources.from_json(json.loads(json.dumps(asked.to_json()))) == asked


@given(constraints())
def test_constraints_go_through_json(constraint: Constraint) -> None:
    assert Constraint.from_json(json.loads(json.dumps(constraint.to_json()))) == constraint


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cpu_cores": -1}, "cpu_cores"),
        ({"cpu_cores": 1025}, "cpu_cores"),
        ({"cpu_cores": math.nan}, "cpu_cores"),
        ({"cpu_cores": True}, "cpu_cores"),
        ({"cpu_cores": "2"}, "cpu_cores"),
        ({"memory_mib": -1}, "memory_mib"),
        ({"memory_mib": 1.5}, "memory_mib"),
        ({"memory_mib": True}, "memory_mib"),
        ({"storage_mib": 1 << 41}, "storage_mib"),
        ({"gpu": 1025}, "gpu"),
        ({"architecture": "x" * 65}, "architecture"),
        ({"architecture": 5}, "architecture"),
    ],
)
def test_resources_out_of_bounds_are_refused_by_name(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Resources(**fields)
    assert caught.value.field == field


def test_whole_cores_and_real_ones_are_the_same_text() -> None:
    assert json.dumps(Resources(cpu_cores=1).to_json()) == json.dumps(Resources(cpu_cores=1.0).to_json())


def test_an_architecture_has_one_name() -> None:
    assert [architecture_name(name) for name in ("x86_64", " AMD64 ", "aarch64", "riscv64")] == [
        "amd64",
        "amd64",
        "arm64",
        "riscv64",
    ]
    assert Resources(architecture="x86_64") == Resources(architecture="amd64")


LABELS = {"zone": "a", "gen": "7", "odd": "seven"}


@pytest.mark.parametrize(
    ("key", "operator", "values", "allowed"),
    [
        ("zone", "Eq", ("a",), True),
        ("zone", "Eq", ("b",), False),
        ("none", "Eq", ("a",), False),
        ("zone", "Ne", ("b",), True),
        ("zone", "Ne", ("a",), False),
        ("none", "Ne", ("a",), True),
        ("zone", "In", ("b", "a"), True),
        ("zone", "In", ("b", "c"), False),
        ("none", "In", ("b",), False),
        ("zone", "NotIn", ("b", "c"), True),
        ("zone", "NotIn", ("a", "b"), False),
        ("none", "NotIn", ("a",), True),
        ("gen", "Gt", ("6.5",), True),
        ("gen", "Gt", ("7",), False),
        ("gen", "Lt", ("10",), True),
        ("gen", "Lt", ("7",), False),
        ("odd", "Gt", ("1",), False),
        ("none", "Lt", ("1",), False),
    ],
)
def test_a_constraint_allows_labels(key: str, operator: str, values: tuple[str, ...], allowed: bool) -> None:
    assert Constraint(key, parse_operator(operator), values).allows(LABELS) is allowed


@pytest.mark.parametrize(
    ("key", "operator", "values", "field"),
    [
        ("", Operator.EQ, ("a",), "constraints.key"),
        ("k\0", Operator.EQ, ("a",), "constraints.key"),
        ("k", Operator.EQ, (), "constraints.values"),
        ("k", Operator.EQ, ("a", "b"), "constraints.values"),
        ("k", Operator.IN, (), "constraints.values"),
        ("k", Operator.GT, ("many",), "constraints.values"),
        ("k", Operator.LT, ("inf",), "constraints.values"),
        ("k", "Eq", ("a",), "operator"),
    ],
)
def test_a_constraint_that_makes_no_sense_is_refused(
    key: str, operator: Any, values: Any, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Constraint(key, operator, values)
    assert caught.value.field == field


def test_operators_are_read_in_any_case() -> None:
    assert parse_operator("notin") is Operator.NOT_IN
    with pytest.raises(InvalidInput, match="Eq, Ne, Gt, Lt, In, NotIn"):
        parse_operator("~")


def test_a_constraint_reads_like_a_sentence() -> None:
    assert str(Constraint("zone", Operator.IN, ("a", "b"))) == "zone In a, b"


@given(st.dictionaries(st.text(), st.text()))
def test_copied_labels_are_out_of_the_givers_reach(labels: dict[str, str]) -> None:
    kept = copied(labels)
    before = dict(labels)
    labels["changed"] = "x"
    assert kept == before or before == labels
